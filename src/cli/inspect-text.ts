/** What `attune inspect` found, as lines for a terminal. */
import { type AnyRecord, type Detected, type Examples, type LengthSummary, sizesOf } from "../data/index.js";
import type { Text } from "../records/index.js";
import { renderColoured, type TokenisedRow, type Tokenizer } from "../text/index.js";
import type { PreparedData } from "../train/job/index.js";
import { wilsonInterval } from "../stats/index.js";
import type { FoundRecords } from "./inspect-records.js";
import type { Io } from "./io.js";
import { count, counted, percent, table } from "./show.js";
import { dataLines } from "./watch-training.js";

/** The file's format and what is done to its rows; how to mend it where there is none. */
export function fileLines({
  file,
  title,
  kind,
  form,
  written,
  columns,
  sampled,
  matching,
  info,
  conversion,
}: Detected): string[] {
  const lines = [`${file}: ${title}`];
  if (kind !== undefined)
    lines.push(
      `  gives ${kind} records${form === "conversational" ? ", of messages" : ""}; written as ${written}; ${matching} of the first ${sampled} rows look like it${info === undefined ? "" : `; columns named by dataset_info.json (${info})`}`,
    );
  if (columns.length > 0)
    lines.push(`  columns: ${columns.slice(0, 16).join(", ")}${columns.length > 16 ? ", ..." : ""}`);
  lines.push(`  ${kind === undefined ? "to use it" : "conversion"}: ${conversion}`);
  return lines;
}

const summaryRow = (name: string, { count: n, mean, min, p50, p90, p99, max }: LengthSummary): string[] => [
  name,
  ...[n, mean, min, p50, p90, p99, max].map((x) => count(x)),
];
const summaryHead = (unit: string): string[] => [unit, "count", "mean", "min", "median", "90%", "99%", "max"];

export function recordLines(found: FoundRecords): string[] {
  const { kind, conversions, rows, duplicates, characters, chosenLonger, sample } = found;
  const lines = [
    "",
    `${counted(rows.rows, "row")} read, ${counted(rows.records, `${kind} record`)}${conversions.length > 1 ? `; ${conversions.join("; ")}` : ""}`,
  ];
  for (const [reason, n] of Object.entries(rows.reasons)) lines.push(`  bad: ${count(n)} x ${reason}`);
  for (const [reason, n] of Object.entries(rows.setAsideReasons))
    lines.push(`  without a record: ${count(n)} x ${reason}`);
  lines.push(
    `  ${counted(duplicates.duplicates, "duplicate")}, ${count(duplicates.repeatedPrompts)} repeated prompts${kind === "preference" ? `, ${count(duplicates.swapped)} pairs that contradict an earlier one` : ""}`,
  );
  if (chosenLonger !== undefined)
    lines.push(
      `  the chosen answer is the longer one in ${percent(chosenLonger)} of the pairs of unequal length`,
    );
  const parts = Object.entries(characters);
  if (parts.length > 0)
    lines.push(
      "",
      table([summaryHead("characters"), ...parts.map(([name, summary]) => summaryRow(name, summary))], {
        right: [1, 2, 3, 4, 5, 6, 7],
      }),
    );
  for (const record of sample) lines.push("", ...shownRecord(record));
  lines.push("", "with --model MODEL: tokens, what is trained, and the audits");
  return lines;
}

const shorten = (text: string): string =>
  text.length > 400 ? `${text.slice(0, 300)} [...] ${text.slice(-80)}` : text;

function shownText(text: Text): string {
  return typeof text === "string"
    ? shorten(JSON.stringify(text))
    : text
        .map(
          ({ role, content, tool_calls }) =>
            `\n      ${role}: ${shorten(JSON.stringify(content ?? tool_calls ?? ""))}`,
        )
        .join("");
}

function shownRecord(record: AnyRecord): string[] {
  const { id, source: _, extra: __, ...fields } = record;
  return [
    `  ${id}`,
    ...Object.entries(fields).map(
      ([name, value]) => `    ${name}: ${isText(value) ? shownText(value) : shorten(JSON.stringify(value))}`,
    ),
  ];
}

const isText = (value: unknown): value is Text =>
  typeof value === "string" ||
  (Array.isArray(value) &&
    value.every((each) => typeof each === "object" && each !== null && "role" in each));

interface TokenView {
  tokenizer: Tokenizer;
  io: Io;
  rows: number;
  maxLength: number;
  tooLong: number;
  /** Tokens of each row: its prompt and its longest answer. */
  lengths: Uint32Array;
}

export function tokenLines(
  { summary, examples, sample }: PreparedData,
  { tokenizer, io, rows, maxLength, tooLong, lengths }: TokenView,
): string[] {
  const { audit, duplicates } = summary;
  const lines = ["", ...dataLines(summary)];
  lines.push(
    `  ${counted(duplicates.duplicates, "duplicate")}, ${count(duplicates.repeatedPrompts)} repeated prompts`,
  );
  lines.push(
    "",
    "audits",
    table([
      [
        "ends with a stop token",
        `${percent(audit.terminatedShare)} of ${count(audit.targets)} targets${audit.terminator === "" ? "" : ` (${JSON.stringify(audit.terminator)})`}`,
      ],
      [
        "trained tokens",
        `${count(audit.trainedTokens)} of ${count(audit.tokens)} (${percent(audit.trainedShare)})`,
      ],
      [
        "prompt keeps its tokens",
        audit.prefixBreaks === 0 ? "in every row" : `not in ${counted(audit.prefixBreaks, "row")}`,
      ],
      ["bos once", audit.doubleBos === 0 ? "in every row" : `twice in ${counted(audit.doubleBos, "row")}`],
      [`longer than ${maxLength} tokens`, counted(tooLong, "row")],
    ]),
  );
  const bias = lengthBias(examples);
  if (bias !== undefined) lines.push(`  ${bias}`);
  lines.push("", "tokens of a row (prompt and its longest answer)", histogram(lengths, io.columns));
  for (const { record, row } of sample.slice(0, rows))
    lines.push("", ...shownTokens(record, row, { tokenizer, colour: io.colour }));
  lines.push("", `the trained part is ${io.colour ? "green" : "in ⟦ ⟧"}`);
  return lines;
}

/** A judge that goes by length alone would be right this often. */
function lengthBias(examples: Examples): string | undefined {
  let pairs = 0;
  let longer = 0;
  for (let i = 0; i < examples.length; i++) {
    const [, chosen = 0, rejected, third] = sizesOf(examples, i);
    if (rejected === undefined || third !== undefined || chosen === rejected) continue;
    pairs++;
    if (chosen > rejected) longer++;
  }
  if (pairs === 0) return undefined;
  const { low, high } = wilsonInterval(longer, pairs);
  return `the chosen answer has more tokens in ${percent(longer / pairs)} of the pairs (95% interval ${(100 * low).toFixed(1)}-${percent(high)})`;
}

function histogram(lengths: Uint32Array, columns: number): string {
  const most = lengths.reduce((a, b) => Math.max(a, b), 1);
  const width = niceWidth(most / 10);
  const bins = Array.from({ length: Math.floor(most / width) + 1 }, () => 0);
  for (const length of lengths) bins[Math.floor(length / width)]!++;
  const highest = Math.max(...bins, 1);
  const room = Math.max(10, columns - 30);
  return table(
    bins.map((n, i) => [
      `${count(i * width)}-${count((i + 1) * width - 1)}`,
      count(n),
      "█".repeat(Math.ceil((room * n) / highest)),
    ]),
    { right: [0, 1] },
  );
}

/** 1, 2, 5, 10, 20, ... */
function niceWidth(x: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, x)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= x) ?? 1;
}

/** Rows longer than this are shown by their ends. */
const shownTokensLimit = 300;

function shownTokens(
  record: AnyRecord,
  { prompt, completions }: TokenisedRow,
  { tokenizer, colour }: { tokenizer: Tokenizer; colour: boolean },
): string[] {
  const names = "chosen" in record ? ["chosen", "rejected"] : ["answer"];
  const render = (ids: readonly number[], mask: readonly number[]): string => {
    if (ids.length <= shownTokensLimit) return renderColoured(tokenizer, { ids, mask }, { colour });
    const half = shownTokensLimit / 2;
    const ends = [0, ids.length - half].map((at) =>
      renderColoured(
        tokenizer,
        { ids: ids.slice(at, at + half), mask: mask.slice(at, at + half) },
        { colour },
      ),
    );
    return ends.join(`\n  [... ${count(ids.length - shownTokensLimit)} tokens ...]\n`);
  };
  const lines = [`  ${record.id}: ${counted(prompt.length, "prompt token")}`];
  if (prompt.length > 0)
    lines.push(
      render(
        prompt,
        prompt.map(() => 0),
      ),
    );
  completions.forEach(({ tokens, mask }, i) => {
    lines.push(
      `  ${names[i] ?? "answer"}: ${counted(tokens.length, "token")}`,
      render(tokens, mask ?? tokens.map(() => 1)),
    );
  });
  return lines;
}
