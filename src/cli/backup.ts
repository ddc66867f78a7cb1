/** `attune backup`: a whole store as one compressed file, from one moment, while it is in use where it is a server. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { backup as writeBackup, type BackupSummary, type Database } from "../store/index.js";
import { AttuneError } from "../errors.js";
import { flag } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { openStoreAt, placeOfStore, storeSettings } from "./open-store.js";
import { counted } from "./show.js";

const settings = {
  ...storeSettings,
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune backup",
  about:
    "Writes everything a store holds (projects, items, judgements with their revisions, people, settings) to one file: lines of JSON, gzip, with counts and a hash at its end. It is of one moment, also while people judge on a PostgreSQL server; an embedded store must not be open in another process. attune restore reads it back into either kind. The file holds what people wrote and the webhook's secret: keep it as you keep the store.",
  positionals: ["FILE"],
  examples: [
    "attune backup monday.jsonl.gz",
    "attune backup monday.jsonl.gz --store labels",
    "DATABASE_URL=postgres://attune@db/attune attune backup monday.jsonl.gz",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: { store: folder, json }, words, io }) => {
  const file = needed(words[0], { help, what: "a file to write" });
  const place = placeOfStore({ store: folder });
  const store = await openStoreAt(place, { existing: true });
  try {
    const summary = await writeFile(store.database, file);
    io.out(json ? JSON.stringify({ file, ...summary }) : inWords(summary, `${place.title} -> ${file}`));
  } finally {
    await store.close();
  }
  return exitCodes.ok;
});

export const inWords = ({ rows, sha256 }: BackupSummary, title: string): string =>
  `${title}: ${counted(rows["projects"]!, "project")}, ${counted(rows["items"]!, "item")}, ${counted(rows["judgements"]!, "judgement")}, SHA-256 ${sha256.slice(0, 16)}`;

/** Under another name until it is whole; readable by its owner only. Throws `io`. */
async function writeFile(database: Database, file: string): Promise<BackupSummary> {
  const partial = `${file}.partial`;
  const output = createWriteStream(partial, { mode: 0o600 });
  const gzip = createGzip();
  gzip.pipe(output);
  const done = finished(output);
  // Awaited below; a failure meanwhile is seen there.
  done.catch((cause: unknown) => gzip.destroy(cause as Error));
  try {
    const summary = await writeBackup(database, async (text) => {
      if (gzip.destroyed) throw gzip.errored ?? new Error("the file was closed");
      if (!gzip.write(text)) await Promise.race([once(gzip, "drain"), done]);
    });
    gzip.end();
    await done;
    await rename(partial, file);
    return summary;
  } catch (cause) {
    output.destroy();
    await rm(partial, { force: true });
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("io", {
      where: file,
      expected: "a file that can be written",
      got: cause instanceof Error ? cause.message : String(cause),
      fix: "check the folder and the space on its disk",
      cause,
    });
  }
}
