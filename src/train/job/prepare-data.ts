/**
 * From a data set to examples in a file, with account of every row: read, converted, tokenised, audited, cut. Memory holds
 * a piece of the rows and a few numbers of each, however many there are. Knows no model and no loss.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  type AnyRecord,
  cachedExamples,
  createDuplicateCounter,
  createTruncator,
  type DatasetOptions,
  type DataReport,
  type Detected,
  type DuplicateReport,
  type Example,
  type ExampleFile,
  type ExampleFileWriter,
  growingUint32,
  type LengthSummary,
  openDataset,
  openQuarantine,
  promptHash,
  type RecordKind,
  summariseLengths,
  type TruncationPolicy,
  type TruncationReport,
  type Truncator,
} from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import {
  createAuditor,
  describePrefixBreak,
  type RowAuditor,
  type TextAudit,
  type TokenisedRow,
  tokenisingHash,
} from "../../text/index.js";
import { sha256File } from "../../util/files.js";
import { attuneVersion } from "../../util/versions.js";
import {
  asExample,
  conversationTemplate,
  isConversation,
  tokeniseRecords,
  type TokeniseSettings,
} from "./tokenise.js";

export interface PrepareOptions extends TokeniseSettings {
  source: string;
  /** Split, subset and format of the data, where they are not to be found out. */
  open?: Pick<DatasetOptions, "split" | "subset" | "format">;
  /** Kind of record that the method learns from. */
  kind: RecordKind;
  limit?: number | undefined;
  /** Most tokens of a row, and what happens to longer ones. */
  maxLength: number;
  truncation: TruncationPolicy;
  /** Prompts whose tokens change when the answer follows: set aside as bad rows, or trained from where they part. */
  prefixBreaks: "quarantine" | "move";
  /** Keep the margins of pairs. */
  margins: boolean;
  /** Folder for the files of rows that were not used; without it they are only counted. */
  quarantineFolder?: string | undefined;
  /** `quarantine.jsonl` and `quarantine-tokens.jsonl`, or another stem. */
  quarantineStem?: string;
  /**
   * Folder in which the file of examples is kept, to be read again by a later run on the same data. Default: the system's
   * folder for temporary files, and the file goes with the process.
   */
  examplesFolder?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What became of a data set. Plain data. */
export interface DataSummary {
  source: string;
  files: readonly Detected[];
  conversions: readonly string[];
  /** What the reader says of its rows. */
  rows: DataReport;
  /** What the tokenizer says of the records. */
  tokenised: DataReport;
  duplicates: DuplicateReport;
  audit: TextAudit;
  truncation: TruncationReport;
  /** Tokens of prompt and all answers of a row, before cutting. */
  lengths: LengthSummary;
  notes: string[];
}

export interface PreparedData {
  /** Read from the disk as they are asked for; `close` them when done. */
  examples: ExampleFile;
  summary: DataSummary;
  /** The first records and their tokens, for showing; empty where the examples were read from a kept file. */
  sample: { record: AnyRecord; row: TokenisedRow }[];
  /** SHA-256 of the data's files, by path; empty without `examplesFolder`, which alone needs them. */
  hashes: Record<string, string>;
}

/** Records tokenised at a time. */
const pieceSize = 512;

/**
 * Reads and tokenises a whole data set, or finds the tokens of an earlier run; they are on the disk, not in memory.
 * @throws AttuneError `data` when the format is unknown or too many rows are bad, `tokenizer` when most rows cannot be
 * rendered or tokenised, `io` when the disk is full, `interrupted`.
 */
export async function prepareData(options: PrepareOptions): Promise<PreparedData> {
  const { source, kind, quarantineFolder, quarantineStem = "quarantine", tokenizer } = options;
  const place = (suffix: string): string | undefined =>
    quarantineFolder && `${quarantineFolder}/${quarantineStem}${suffix}.jsonl`;
  const dataset = await openDataset(source, {
    ...options.open,
    kind,
    ...(options.limit !== undefined && { limit: options.limit }),
    ...(quarantineFolder && { quarantine: place("")! }),
  });
  const files = dataset.files.map(({ file }) => file);
  const hashes = options.examplesFolder === undefined ? {} : await hashFiles(files);
  const sample: PreparedData["sample"] = [];
  const made = await cachedExamples<DataSummary>(
    {
      folder: options.examplesFolder,
      dependsOn: await dependsOn(options, hashes),
      vocabSize: tokenizer.maxId + 1,
    },
    async (writer) => {
      const filled = await fill(dataset.records(), {
        writer,
        sample,
        options,
        refusedFile: place("-tokens"),
      });
      return {
        source,
        files: dataset.files,
        conversions: dataset.conversions,
        rows: dataset.report,
        ...filled,
      };
    },
  );
  return { examples: made.examples, sample, summary: { ...made.info, source }, hashes };
}

/** All that decides what the examples are, as plain JSON. */
async function dependsOn(
  options: PrepareOptions,
  hashes: Record<string, string>,
): Promise<Record<string, unknown>> {
  const { tokenizer, open, kind, limit, maxLength, truncation, prefixBreaks, margins } = options;
  const { template, completionOnly, assistantOnly, goldColumn } = options;
  // A file beside the data may name its columns.
  const beside = new Set(Object.keys(hashes).map((file) => join(dirname(file), "dataset_info.json")));
  return {
    attune: attuneVersion(),
    // Ids of rows hold the files' names.
    data: Object.entries(hashes).map(([file, hash]) => [resolve(file), hash]),
    info: await hashFiles([...beside].filter((file) => existsSync(file))),
    tokenising: tokenisingHash(tokenizer, { template }),
    format: open?.format,
    kind,
    limit,
    maxLength,
    truncation,
    prefixBreaks,
    margins,
    completionOnly,
    assistantOnly,
    goldColumn,
  };
}

async function hashFiles(files: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const file of files) hashes[file] = await sha256File(file);
  return hashes;
}

/** What is known of the rows so far. */
interface Filling {
  writer: Pick<ExampleFileWriter, "add">;
  options: PrepareOptions;
  refused: ReturnType<typeof openQuarantine>;
  auditor: RowAuditor;
  truncator: Truncator;
  lengths: ReturnType<typeof growingUint32>;
  sample: PreparedData["sample"];
  records: number;
  transcripts: boolean;
  first: AttuneError | undefined;
}

async function fill(
  records: AsyncIterable<AnyRecord>,
  {
    writer,
    sample,
    options,
    refusedFile,
  }: Pick<Filling, "writer" | "sample" | "options"> & { refusedFile: string | undefined },
): Promise<Pick<DataSummary, "tokenised" | "duplicates" | "audit" | "truncation" | "lengths" | "notes">> {
  const { signal } = options;
  const refused = openQuarantine(refusedFile);
  const duplicates = createDuplicateCounter();
  const filling: Filling = {
    writer,
    options,
    refused,
    auditor: await createAuditor(options.tokenizer, { template: conversationTemplate(options) }),
    truncator: createTruncator({ maxLength: options.maxLength, policy: options.truncation }),
    lengths: growingUint32(),
    sample,
    records: 0,
    transcripts: false,
    first: undefined,
  };
  let piece: AnyRecord[] = [];
  const flush = async (): Promise<void> => {
    if (signal?.aborted) throw interrupted();
    await addPiece(piece, filling);
    await refused.flush();
    piece = [];
  };
  try {
    for await (const record of records) {
      duplicates.add(record);
      piece.push(record);
      if (piece.length >= pieceSize) await flush();
    }
    await flush();
  } finally {
    await refused.close();
  }
  if (refused.report.bad > filling.records / 2)
    throw mostRefused(filling, { bad: refused.report.bad, file: refusedFile });
  filling.truncator.finish();
  const audit = filling.auditor.finish();
  return {
    tokenised: refused.report,
    duplicates: duplicates.report,
    audit,
    truncation: filling.truncator.report,
    lengths: summariseLengths(filling.lengths.view()),
    notes: notesOf(filling, audit),
  };
}

async function addPiece(piece: readonly AnyRecord[], filling: Filling): Promise<void> {
  const { writer, options, refused, auditor, truncator, lengths, sample } = filling;
  const rows = await tokeniseRecords(piece, options);
  for (const [i, row] of rows.entries()) {
    const record = piece[i]!;
    filling.records++;
    refused.report.rows++;
    const broken = row instanceof AttuneError ? row : prefixError(record, row, options);
    if (broken !== undefined || row instanceof AttuneError) {
      filling.first ??= broken;
      refused.add({ ...placeOf(record), reason: broken!.message, row: record });
      continue;
    }
    const conversation = isConversation(record);
    if (conversation) filling.transcripts ||= conversationTemplate(options) === undefined;
    refused.report.records++;
    if (sample.length < 3) sample.push({ record, row });
    auditor.add(row, { conversation: conversation && !filling.transcripts });
    lengths.push(row.completions.reduce((sum, { tokens }) => sum + tokens.length, row.prompt.length));
    const example = truncator.apply(withMargin(asExample(record, row), record, options.margins));
    if (example !== undefined) await writer.add(example, { promptHash: promptHash(record) });
  }
}

function placeOf(record: AnyRecord): { file: string; line: number } {
  const [, file, line] = /^(.*):(\d+)$/.exec(record.source ?? "") ?? [
    undefined,
    record.source ?? record.id,
    "0",
  ];
  return { file: file!, line: Number(line) };
}

function prefixError(
  record: AnyRecord,
  row: TokenisedRow,
  { tokenizer, prefixBreaks }: PrepareOptions,
): AttuneError | undefined {
  const first = row.prefixBreaks[0];
  if (first === undefined || prefixBreaks === "move") return undefined;
  return new AttuneError("tokenizer", {
    where: record.source ?? record.id,
    expected: "a prompt whose tokens stay the same when the answer follows",
    got: describePrefixBreak(tokenizer, first),
    fix: "end prompts before a space, or give prefix_breaks: move to train from where the tokens part",
  });
}

/** Batches want the same numbers of every example: 0 where a pair has no margin, none at all for other methods. */
function withMargin(example: Example, record: AnyRecord, wanted: boolean): Example {
  if (!("chosen" in record)) return example;
  if (!wanted) return { id: example.id, prompt: example.prompt, completions: example.completions };
  return { ...example, values: { margin: record.margin ?? 0 } };
}

function mostRefused(
  { records, first }: Filling,
  { bad, file }: { bad: number; file: string | undefined },
): AttuneError {
  return new AttuneError(first!.code, {
    where: first!.where,
    expected: first!.expected,
    got: `${first!.got}; ${bad} of ${records} rows are refused${file === undefined ? "" : `, all of them in ${file}`}`,
    ...(first!.fix && { fix: first!.fix }),
    cause: first,
  });
}

function notesOf({ transcripts }: Filling, audit: TextAudit): string[] {
  const notes = transcripts
    ? [
        'the tokenizer has no chat template: conversations are written as transcripts ("\\n\\nHuman: ...\\n\\nAssistant: ...")',
      ]
    : [];
  return [...notes, ...audit.warnings];
}

const interrupted = (): AttuneError =>
  new AttuneError("interrupted", {
    where: "reading data",
    expected: "to finish",
    got: "Ctrl-C; nothing was trained",
  });
