/**
 * Rows of a file to judgements: who said what of which item, and on which side it was shown. Reads our own judgements, one label
 * a row, and one column an annotator. Knows no statistic.
 */
import { readRows } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { Judgement } from "../records/index.js";

export interface JudgedLabel {
  item: string;
  annotator: string;
  /** In content order: which answer, not which side. */
  label: string;
  /** Whether the answer shown on the left was chosen; null for ties and where the side was not kept. */
  left: boolean | null;
}

export interface JudgedFile {
  labels: JudgedLabel[];
  /** Rows that hold no label (skipped, discarded, malformed), by reason. */
  leftOut: Record<string, number>;
}

type Row = Record<string, unknown>;

const itemColumns = ["item", "item_id", "question_id", "task_id", "id", "idx"];
const annotatorColumns = [
  "annotator",
  "annotator_id",
  "rater",
  "labeler",
  "labeller",
  "user",
  "judge",
  "worker",
];
const labelColumns = ["label", "winner", "choice", "preference", "rating", "score", "value"];

/**
 * Rows of a file, or of judgements that are at hand. Throws `data` when no row can be read as a judgement. A later judgement of the
 * same person on the same item replaces the earlier.
 */
export async function readJudgements(source: string, given?: readonly object[]): Promise<JudgedFile> {
  const leftOut: Record<string, number> = {};
  const omit = (reason: string): void => void (leftOut[reason] = (leftOut[reason] ?? 0) + 1);
  const rows = given?.map((row) => ({ row })) ?? readRows(source, { onBadRow: ({ reason }) => omit(reason) });
  const latest = new Map<string, JudgedLabel>();
  let columns: string[] = [];
  let number = 0;
  for await (const { row } of rows) {
    number += 1;
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      omit("no object");
      continue;
    }
    // A dump also holds what was judged; that is no judgement left out.
    if ("type" in row && ["project", "item", "decision"].includes(String(row.type))) continue;
    if (columns.length === 0) columns = Object.keys(row);
    const read = readRow(row as Row, number);
    if (typeof read === "string") omit(read);
    else for (const label of read) latest.set(`${label.item}\u0000${label.annotator}`, label);
  }
  if (latest.size === 0) {
    throw new AttuneError("data", {
      where: source,
      expected:
        "judgements as Attune exports them, rows of item, annotator and label, or one column for each annotator (annotator1, annotator2)",
      got: columns.length === 0 ? "no rows" : `columns ${columns.join(", ")}`,
      fix: "rename the columns, or export again",
    });
  }
  return { labels: [...latest.values()], leftOut };
}

function readRow(row: Row, number: number): JudgedLabel[] | string {
  if ("shown_order" in row || ("outcome" in row && "annotator" in row)) return readOwn(row);
  const columns = Object.keys(row);
  const wide = columns.filter(
    (name) => /^(annotator|rater|judge|labell?er)[_ -]?\w+$/i.test(name) && !/id$/i.test(name),
  );
  const item = columnOf(row, itemColumns) ?? number;
  if (wide.length >= 2) {
    const labels = wide.flatMap((name) =>
      isLabel(row[name])
        ? [{ item: String(item), annotator: name, label: String(row[name]), left: null }]
        : [],
    );
    return labels.length === 0 ? "no label in any annotator's column" : labels;
  }
  const annotator = columnOf(row, annotatorColumns);
  const label = columnOf(row, labelColumns);
  if (!isLabel(annotator)) return "no annotator";
  if (!isLabel(label)) return "no label";
  const left = row["left"] ?? row["chose_left"];
  return [
    {
      item: String(item),
      annotator: String(annotator),
      label: String(label),
      left: typeof left === "boolean" ? left : null,
    },
  ];
}

const isLabel = (value: unknown): value is string | number | boolean =>
  (typeof value === "string" && value.trim() !== "") ||
  typeof value === "number" ||
  typeof value === "boolean";

const columnOf = (row: Row, names: readonly string[]): unknown =>
  row[names.find((name) => name in row) ?? ""];

/** Our own record. Candidates are put in the order of their ids, so that A means the same for everyone. */
function readOwn(row: Row): JudgedLabel[] | string {
  const known = Object.fromEntries(Object.entries(row).filter(([name]) => name in Judgement.shape));
  const parsed = Judgement.safeParse({ ...known, id: known["id"] ?? "row" });
  if (!parsed.success) return `no judgement: ${parsed.error.issues[0]?.message ?? "unreadable"}`;
  const {
    item,
    annotator,
    outcome,
    tie,
    strength,
    shown_order: shown,
    skipped,
    status,
    purpose,
  } = parsed.data;
  if (status !== "submitted") return status;
  if (purpose !== undefined && purpose !== "task") return `shown for another purpose: ${purpose}`;
  if (skipped) return `skipped: ${skipped.reason}`;
  const own = (label: string, left: boolean | null = null) => [
    { item, annotator: annotator.id, label, left },
  ];
  if (tie === "both_bad") return own("both bad");
  if (tie) return own("tie");
  if (outcome === undefined) return "no outcome";
  switch (outcome.type) {
    case "pair": {
      if (outcome.chosen === null || outcome.rejected === null) return own("tie");
      const first = [outcome.chosen, outcome.rejected].toSorted()[0];
      const side = outcome.chosen === first ? "A" : "B";
      const words = ["", " slightly", "", " much"][Math.round(Math.abs(strength ?? 2))] ?? "";
      return own(`${side}${strength ? words : ""}`, shown === undefined ? null : shown[0] === outcome.chosen);
    }
    case "rate":
      return [
        {
          item: `${item}/${outcome.candidate}`,
          annotator: annotator.id,
          label: String(outcome.score),
          left: null,
        },
      ];
    case "step":
      return outcome.labels.flatMap((label, step) =>
        label === null
          ? []
          : [
              {
                item: `${item}/${outcome.candidate}/${step}`,
                annotator: annotator.id,
                label: String(label),
                left: null,
              },
            ],
      );
    case "rank":
      return own(outcome.order.map((tied) => tied.toSorted().join("=")).join(" > "));
    case "rewrite":
      return "a rewrite, which is no label";
  }
}

const scale = ["A much", "A", "A slightly", "tie", "B slightly", "B", "B much"];

/** Categories in their order where they have one: numbers, or a scale from A to B. */
export function orderOfLabels(labels: readonly string[]): {
  categories: string[];
  ordered: boolean;
  values?: number[];
} {
  const found = [...new Set(labels)];
  if (found.every((label) => label.trim() !== "" && Number.isFinite(Number(label)))) {
    const categories = found.toSorted((a, b) => Number(a) - Number(b));
    return { categories, ordered: true, values: categories.map(Number) };
  }
  if (found.every((label) => scale.includes(label))) {
    return { categories: scale.filter((label) => found.includes(label)), ordered: true };
  }
  return { categories: found.toSorted(), ordered: false };
}
