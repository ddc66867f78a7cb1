/** `attune inspect`: what is in a data set, what becomes of it, and with a model what would be trained. Trains nothing. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  detectFile,
  type Detected,
  type Examples,
  type FormatName,
  formatNames,
  type RecordKind,
  resolveSource,
  sizesOf,
} from "../data/index.js";
import { AttuneError } from "../errors.js";
import { readConfigFile as readModelConfig, resolveModel } from "../models/index.js";
import { loadTokenizer } from "../text/index.js";
import { prepareData } from "../train/job/index.js";
import { flag, optionalChoice, optionalText, optionalWhole, whole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { readWithoutModel } from "./inspect-records.js";
import { fileLines, recordLines, tokenLines } from "./inspect-text.js";
import { projectSource, storeSettings } from "./open-store.js";
import { type Snapshot, snapshotLine, snapshotOf } from "./store/for-training.js";

const settings = {
  data: optionalText({ doc: "The same as DATA.", source: "" }),
  model: optionalText({
    doc: "Model or tokenizer folder, or Hub id: then tokens, masks and audits are shown.",
    source: "none: texts only",
  }),
  split: optionalText({ doc: "Split of a folder or data set.", source: "train" }),
  subset: optionalText({ doc: "Subset of a data set.", source: "the only one" }),
  ...storeSettings,
  data_format: optionalChoice({
    choices: formatNames as unknown as [FormatName, ...FormatName[]],
    doc: "Read the rows in this format instead of the one detected.",
    source: "detected",
  }),
  rows: whole(3, { min: 0, doc: "Rows to show.", source: "ours" }),
  max_rows: optionalWhole({ min: 1, doc: "Read at most so many rows.", source: "all" }),
  max_length: whole(1024, { min: 2, doc: "Count rows with more tokens than that.", source: "TRL" }),
  assistant_only_loss: flag(false, {
    doc: "Conversations: show masks that train the assistant's turns only.",
    source: "TRL",
  }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune inspect",
  about:
    "Says what a file, folder or data set is, which format was found, what the rows are converted to and which could not be used; shows rows, lengths, duplicates. With --model it shows tokens with the trained part coloured, and the audits that training makes: ends of turns, prompts that change their tokens, the share that is trained, rows that are too long.",
  positionals: ["DATA"],
  examples: [
    "attune inspect pairs.jsonl",
    "attune inspect pairs.jsonl --model models/tiny",
    "attune inspect my-folder --rows 1 --json",
    "attune inspect attune:my-project",
  ],
  sections: { Flags: settings },
};

/** Kind of record whose tokens are shown for each kind found; undefined: none has any. */
const trainedAs: Readonly<Record<RecordKind, RecordKind | undefined>> = {
  preference: "preference",
  demonstration: "demonstration",
  unpaired: "unpaired",
  trajectory: "demonstration",
  stepwise: undefined,
  prompt: undefined,
};

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const named = needed(words[0] ?? s.data, { help, what: "a file, a folder or a data set id" });
  const snapshot = await temporarySnapshot(named, s.store);
  if (snapshot !== undefined) io.err(snapshotLine(named, snapshot));
  const source = snapshot?.file ?? named;
  const open = {
    ...(s.split && { split: s.split }),
    ...(s.subset && { subset: s.subset }),
    ...(s.data_format && { format: s.data_format }),
  };
  const files: Detected[] = [];
  for (const path of await resolveSource(source, open)) files.push(await detectFile(path, open));
  const kinds = new Set(files.map((file) => file.kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.size > 1) {
    // Nothing to learn from, or several kinds at once: the files' own story is the answer.
    io.out(s.json ? JSON.stringify({ source, files }) : files.flatMap(fileLines).join("\n"));
    return exitCodes.ok;
  }
  const wanted = trainedAs[kind];
  if (s.model === undefined || wanted === undefined) {
    const found = await readWithoutModel(source, { ...open, limit: s.max_rows, rows: s.rows });
    io.out(
      s.json
        ? JSON.stringify({ source, files, ...found })
        : [...files.flatMap(fileLines), ...recordLines(found)].join("\n"),
    );
    return exitCodes.ok;
  }
  const folder = await resolveModel(s.model);
  const tokenizer = await loadTokenizer(folder);
  if (existsSync(`${folder}/config.json`))
    tokenizer.fits(readModelConfig(`${folder}/config.json`).config.vocabSize);
  const prepared = await prepareData({
    source,
    open,
    kind: wanted,
    limit: s.max_rows,
    tokenizer,
    completionOnly: true,
    assistantOnly: s.assistant_only_loss,
    // Nothing is cut here: what would be is counted.
    maxLength: Number.MAX_SAFE_INTEGER,
    truncation: "drop",
    prefixBreaks: "move",
    margins: false,
  });
  const lengths = lengthsOf(prepared.examples);
  const tooLong = lengths.filter((length) => length > s.max_length).length;
  if (s.json)
    io.out(
      JSON.stringify({
        ...prepared.summary,
        tooLong,
        maxLength: s.max_length,
        sample: prepared.sample.slice(0, s.rows),
      }),
    );
  else
    io.out(
      [
        ...files.flatMap(fileLines),
        ...tokenLines(prepared, {
          lengths,
          tokenizer,
          io,
          rows: s.rows,
          maxLength: s.max_length,
          tooLong,
        }),
      ].join("\n"),
    );
  prepared.examples.close();
  return exitCodes.ok;
});

/** The first data type that a project gives rows of, in a file that goes with the process. */
async function temporarySnapshot(source: string, store: string | undefined): Promise<Snapshot | undefined> {
  if (projectSource(source) === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "attune-inspect-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  for (const kind of ["preference", "unpaired", "stepwise"] as const) {
    try {
      return await snapshotOf(source, { kind, folder, store });
    } catch (cause) {
      if (!(cause instanceof AttuneError && cause.expected.startsWith("rows of type"))) throw cause;
    }
  }
  return snapshotOf(source, { kind: "demonstration", folder, store });
}

/** Tokens of each row: its prompt and its longest answer. */
const lengthsOf = (examples: Examples): Uint32Array =>
  Uint32Array.from({ length: examples.length }, (_, i) => {
    const [prompt = 0, ...answers] = sizesOf(examples, i);
    return prompt + Math.max(...answers);
  });
