/** `attune restore`: a store from a backup, whole and checked, or not at all. */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { AttuneError } from "../errors.js";
import { openDatabase, restore } from "../store/index.js";
import { flag } from "../train/job/setting.js";
import { inWords } from "./backup.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { placeOfStore, storeSettings } from "./open-store.js";

const settings = {
  ...storeSettings,
  replace: flag(false, { doc: "Lose what the store holds now.", source: "" }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune restore",
  about:
    "Fills a store from a file of attune backup, in one transaction: counts and hash are checked, and what was stored is read back and compared, or nothing is changed. A store that holds projects is refused without --replace. A backup of either kind of store goes into either kind, also one of an older version.",
  positionals: ["FILE"],
  examples: [
    "attune restore monday.jsonl.gz --store labels",
    "DATABASE_URL=postgres://attune@db/attune attune restore monday.jsonl.gz",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: { store, replace, json }, words, io }) => {
  const file = needed(words[0], { help, what: "a backup" });
  const place = placeOfStore({ store });
  const database = await openDatabase(place, () => Promise.resolve());
  try {
    const summary = await restore(database, linesOf(file), { replace, where: file });
    io.out(json ? JSON.stringify({ file, ...summary }) : inWords(summary, `${file} -> ${place.title}`));
  } finally {
    await database.close();
  }
  return exitCodes.ok;
});

/** Throws `data` when the file is no gzip or cut off, `io` when it cannot be read. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const gunzip = createGunzip().setEncoding("utf8");
  createReadStream(file)
    .on("error", (cause) => gunzip.destroy(cause))
    .pipe(gunzip);
  // Not by readline, which also ends a line where an answer holds U+2028.
  let rest = "";
  try {
    for await (const text of gunzip as AsyncIterable<string>) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const zipped = code?.startsWith("Z_") ?? false;
    throw new AttuneError(zipped ? "data" : "io", {
      where: file,
      expected: zipped ? "a whole gzip file made by attune backup" : "a file that can be read",
      got: message,
      cause,
    });
  }
  if (rest !== "") yield rest;
}
