/** Run by `npm run build`: makes the empty database of template.ts beside this file, unless it is there already. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite } from "@electric-sql/pglite";
import { sql } from "drizzle-orm";
import { openDatabase } from "./database.js";
import { migrate } from "./migrate.js";
import { templateVersion } from "./template.js";

const place = fileURLToPath(new URL("./empty-store", import.meta.url));
const version = templateVersion();
const made = existsSync(`${place}.tar.gz`) && existsSync(`${place}.version`);
if (!made || readFileSync(`${place}.version`, "utf8") !== version) {
  const folder = mkdtempSync(join(tmpdir(), "attune-template-"));
  try {
    const database = await openDatabase({ folder }, migrate);
    await database.rows(sql`vacuum (freeze)`);
    await database.close();
    // Packed as it lies there, closed: the first start has nothing to recover.
    const engine = await PGlite.create({ dataDir: join(folder, "data"), noInitDb: true });
    const packed = await engine.dumpDataDir("gzip");
    await engine.close();
    // Whoever opens a store meanwhile finds all of it or nothing.
    writeFileSync(`${place}.tmp`, Buffer.from(await packed.arrayBuffer()));
    renameSync(`${place}.tmp`, `${place}.tar.gz`);
    writeFileSync(`${place}.version`, version);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
