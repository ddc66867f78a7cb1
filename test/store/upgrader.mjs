/**
 * A process that brings an older store up to date, slowly, and says after each statement how many it has run (`ran N`), for tests that
 * kill it. Runs the compiled store.
 *
 *   node upgrader.mjs '{"folder"|"url"}'
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase } from "../../dist/store/database.js";
import { migrate } from "../../dist/store/migrate.js";

let ran = 0;
const slowly = (database) => ({
  ...database,
  transaction: (work) =>
    database.transaction((tx) =>
      work({
        async rows(query) {
          const rows = await tx.rows(query);
          writeSync(1, `ran ${(ran += 1)}\n`);
          await sleep(20);
          return rows;
        },
      }),
    ),
});
await openDatabase(JSON.parse(process.argv[2]), (database) => migrate(slowly(database)));
writeSync(1, "open\n");
