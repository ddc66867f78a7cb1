/** Run by `npm run build`: makes the empty database of template.ts beside this file, unless it is there already. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { engineVersion } from "./template.js";

const place = fileURLToPath(new URL("./empty-store", import.meta.url));
const version = engineVersion();
const made = existsSync(`${place}.tar.gz`) && existsSync(`${place}.version`);
if (!made || readFileSync(`${place}.version`, "utf8") !== version) {
  const engine = await PGlite.create();
  const packed = await engine.dumpDataDir("gzip");
  await engine.close();
  // Whoever opens a store meanwhile finds all of it or nothing.
  writeFileSync(`${place}.tmp`, Buffer.from(await packed.arrayBuffer()));
  renameSync(`${place}.tmp`, `${place}.tar.gz`);
  writeFileSync(`${place}.version`, version);
}
