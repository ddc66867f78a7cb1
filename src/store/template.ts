/**
 * An empty embedded database that `npm run build` has made, so that a new store opens in a second: PostgreSQL's own first start takes
 * several. Without it, or with another engine's, that is what happens. Knows no table and no query.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** In `dist/store` (`.tar.gz` and `.version`), seen from the built and from the source files. */
const places = ["./empty-store", "../../dist/store/empty-store"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** The engine's: a data folder of another one might not open. */
export function engineVersion(): string {
  const main = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  const { version } = JSON.parse(readFileSync(join(dirname(main), "..", "package.json"), "utf8")) as {
    version: string;
  };
  return version;
}

/** The template as PGlite takes it; undefined where there is none that fits. */
export function emptyStore(): Blob | undefined {
  const place = places.find((each) => existsSync(`${each}.tar.gz`));
  if (place === undefined) return undefined;
  try {
    if (readFileSync(`${place}.version`, "utf8") !== engineVersion()) return undefined;
    return new Blob([new Uint8Array(readFileSync(`${place}.tar.gz`))], { type: "application/x-gzip" });
  } catch {
    return undefined;
  }
}
