/**
 * From a data set to examples, with account of every row: read, converted, tokenised, audited, cut, split by prompt.
 * Knows no model and no loss.
 */
import {
  type AnyRecord,
  createDuplicateCounter,
  createTruncator,
  type DatasetOptions,
  type DataReport,
  type Detected,
  type DuplicateReport,
  type Example,
  type LengthSummary,
  openDataset,
  openQuarantine,
  promptKey,
  type RecordKind,
  splitOfPrompt,
  summariseLengths,
  type TruncationPolicy,
  type TruncationReport,
} from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { auditRows, describePrefixBreak, type TextAudit, type TokenisedRow } from "../../text/index.js";
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
  examples: Example[];
  /** Prompt of each example, for splits. */
  keys: string[];
  summary: DataSummary;
  /** The first records and their tokens, for showing. */
  sample: { record: AnyRecord; row: TokenisedRow }[];
}

/** Records tokenised at a time. */
const pieceSize = 512;

/**
 * Reads and tokenises a whole data set; tokens are held in memory, texts are not.
 * @throws AttuneError `data` when the format is unknown or too many rows are bad, `tokenizer` when most rows cannot be
 * rendered or tokenised, `interrupted`.
 */
export async function prepareData(options: PrepareOptions): Promise<PreparedData> {
  const { source, kind, quarantineFolder, quarantineStem = "quarantine", signal } = options;
  const place = (suffix: string): string | undefined =>
    quarantineFolder && `${quarantineFolder}/${quarantineStem}${suffix}.jsonl`;
  const dataset = await openDataset(source, {
    ...options.open,
    kind,
    ...(options.limit !== undefined && { limit: options.limit }),
    ...(quarantineFolder && { quarantine: place("")! }),
  });
  const refused = openQuarantine(place("-tokens"));
  const duplicates = createDuplicateCounter();
  const kept: Kept = {
    records: 0,
    rows: [],
    examples: [],
    keys: [],
    sample: [],
    transcripts: false,
    conversations: false,
    first: undefined,
  };
  let piece: AnyRecord[] = [];
  const flush = async (): Promise<void> => {
    if (signal?.aborted) throw interrupted();
    await keepPiece(piece, { kept, refused, options });
    await refused.flush();
    piece = [];
  };
  try {
    for await (const record of dataset.records()) {
      duplicates.add(record);
      piece.push(record);
      if (piece.length >= pieceSize) await flush();
    }
    await flush();
  } finally {
    await refused.close();
  }
  if (refused.report.bad > kept.records / 2)
    throw mostRefused(kept, { bad: refused.report.bad, file: place("-tokens") });
  const template = kept.conversations ? conversationTemplate(options) : undefined;
  const audit = await auditRows(options.tokenizer, kept.rows, template === undefined ? {} : { template });
  const lengths = summariseLengths(
    kept.rows.map((row) => row.prompt.length + row.completions.reduce((n, c) => n + c.tokens.length, 0)),
  );
  const truncator = createTruncator({ maxLength: options.maxLength, policy: options.truncation });
  const cut = kept.examples.map((example) => truncator.apply(example));
  truncator.finish();
  const used = cut.flatMap((example, i) => (example ? [{ example, key: kept.keys[i]! }] : []));
  return {
    examples: used.map(({ example }) => example),
    keys: used.map(({ key }) => key),
    sample: kept.sample,
    summary: {
      source,
      files: dataset.files,
      conversions: dataset.conversions,
      rows: dataset.report,
      tokenised: refused.report,
      duplicates: duplicates.report,
      audit,
      truncation: truncator.report,
      lengths,
      notes: notesOf(kept, audit),
    },
  };
}

interface Kept {
  records: number;
  rows: TokenisedRow[];
  examples: Example[];
  keys: string[];
  sample: { record: AnyRecord; row: TokenisedRow }[];
  transcripts: boolean;
  conversations: boolean;
  first: AttuneError | undefined;
}

async function keepPiece(
  piece: readonly AnyRecord[],
  {
    kept,
    refused,
    options,
  }: { kept: Kept; refused: ReturnType<typeof openQuarantine>; options: PrepareOptions },
): Promise<void> {
  const rows = await tokeniseRecords(piece, options);
  rows.forEach((row, i) => {
    const record = piece[i]!;
    kept.records++;
    refused.report.rows++;
    const broken = row instanceof AttuneError ? row : prefixError(record, row, options);
    if (broken !== undefined || row instanceof AttuneError) {
      kept.first ??= broken;
      refused.add({ ...placeOf(record), reason: broken!.message, row: record });
      return;
    }
    if (isConversation(record)) {
      kept.conversations = true;
      kept.transcripts ||= conversationTemplate(options) === undefined;
    }
    refused.report.records++;
    if (kept.sample.length < 3) kept.sample.push({ record, row });
    kept.rows.push(row);
    kept.keys.push(promptKey(record));
    kept.examples.push(withMargin(asExample(record, row), record, options.margins));
  });
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
  { records, first }: Kept,
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

function notesOf({ transcripts }: Kept, audit: TextAudit): string[] {
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

/** Two sides of a data set by prompt; no prompt is on both. Throws `data` when one side is empty. */
export function splitExamples(
  { examples, keys, summary }: PreparedData,
  { share, seed }: { share: number; seed: number },
): { train: Example[]; evaluation: Example[] } {
  const sides: { train: Example[]; evaluation: Example[] } = { train: [], evaluation: [] };
  examples.forEach((example, i) => {
    const side = splitOfPrompt(keys[i]!, { shares: { train: 1 - share, evaluation: share }, seed });
    sides[side as keyof typeof sides].push(example);
  });
  for (const [name, list] of Object.entries(sides)) {
    if (list.length > 0) continue;
    throw new AttuneError("data", {
      where: summary.source,
      expected: `rows on both sides of a split that holds out ${share}`,
      got: `none of ${examples.length} rows for ${name === "train" ? "training" : "evaluation"}`,
      fix: "give more rows, another share or seed, or --eval-data",
    });
  }
  return sides;
}
