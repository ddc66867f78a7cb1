/**
 * An embedded database with every table and no row, which `npm run build` has made: a new store is unpacked in a fraction of the
 * time that PostgreSQL's own first start takes. Without it, or with another engine's or older tables, the engine makes its own.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { sha256 } from "../util/files.js";
import { migrations } from "./migrations.js";

/** In `dist/store` (`.tar.gz` and `.version`), seen from the built and from the source files. */
const places = ["./empty-store", "../../dist/store/empty-store"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** The engine's version, since a data folder of another one might not open, and what the tables are made of. */
export function templateVersion(): string {
  const main = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const { version } = JSON.parse(readFileSync(join(dirname(main), "..", "package.json"), "utf8")) as {
    version: string;
  };
  return `${version} ${sha256(JSON.stringify(migrations))}`;
}

/** The template, a zipped tar archive; undefined where there is none that fits. */
export function emptyStore(): Uint8Array<ArrayBuffer> | undefined {
  const place = places.find((each) => existsSync(`${each}.tar.gz`));
  if (place === undefined) return undefined;
  try {
    if (readFileSync(`${place}.version`, "utf8") !== templateVersion()) return undefined;
    return new Uint8Array(readFileSync(`${place}.tar.gz`));
  } catch {
    return undefined;
  }
}

/** Unpacks the template into a folder that is not there yet; without a template the folder stays away. Throws what the disk throws. */
export async function unpackEmptyStore(folder: string): Promise<void> {
  const template = emptyStore();
  if (template === undefined) return;
  const archive = await promisify(gunzip)(template);
  mkdirSync(folder, { mode: 0o700 });
  // Each entry is a block of 512 bytes that says what it is, and its content, filled up to whole blocks; the end is zeros.
  for (let at = 0; archive[at] !== undefined && archive[at] !== 0;) {
    const field = (start: number, length: number): string =>
      archive.toString("latin1", at + start, at + start + length).replace(/\0.*$/s, "");
    const path = join(folder, field(0, 100));
    const size = Number.parseInt(field(124, 12), 8);
    const content = at + 512;
    if (field(156, 1) === "5") mkdirSync(path, { recursive: true, mode: 0o700 });
    else writeFileSync(path, archive.subarray(content, content + size), { mode: 0o600 });
    at = content + Math.ceil(size / 512) * 512;
  }
}
