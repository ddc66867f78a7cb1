/**
 * Rows of a file to comparisons: which of two models' answers was preferred, and how long the two were. Reads Chatbot Arena's and
 * AlpacaEval's columns. Knows no statistic.
 */
import { readRows } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { sha256 } from "../util/files.js";

export interface Comparison {
  first: string;
  second: string;
  /** Of the win that is the first's: 1, 0.5 for a tie, 0; between them what a judge gave as a probability. */
  share: number;
  /** In characters; undefined where the row has no answers. */
  lengths: { first: number; second: number } | undefined;
  /** Of the instruction; undefined where the row says none. */
  difficulty: number | undefined;
  /** What tells the two answers from others: several rows with the same are votes on the same. Undefined where the row says nothing. */
  subject: string | undefined;
}

const firstNames = ["model_a", "generator_1", "first", "a"];
const secondNames = ["model_b", "generator_2", "second", "b"];
const winnerNames = ["winner", "preference", "label"];
const subjectNames = ["item", "item_id", "question_id", "instruction", "prompt"];
const difficultyNames = ["instruction_difficulty", "difficulty"];

/** Rows of a file, or rows that are at hand. Throws `data` when none can be read as a comparison. */
export async function readComparisons(
  source: string,
  given?: readonly object[],
): Promise<{ comparisons: Comparison[]; leftOut: Record<string, number> }> {
  const leftOut: Record<string, number> = {};
  const omit = (reason: string): void => void (leftOut[reason] = (leftOut[reason] ?? 0) + 1);
  const comparisons: Comparison[] = [];
  let columns: string[] = [];
  const rows = given?.map((row) => ({ row })) ?? readRows(source, { onBadRow: ({ reason }) => omit(reason) });
  for await (const { row } of rows) {
    if (typeof row !== "object" || row === null) {
      omit("no object");
      continue;
    }
    const record = row as Record<string, unknown>;
    if (columns.length === 0) columns = Object.keys(record);
    const of = (names: readonly string[]): unknown => record[names.find((name) => name in record) ?? ""];
    const [first, second] = [of(firstNames), of(secondNames)];
    if (typeof first !== "string" || typeof second !== "string") omit("no two models");
    else if (first === second) omit("a model against itself");
    else {
      const share = shareOf(of(winnerNames), { first, second });
      if (share === undefined) {
        omit(`a winner that is none of model_a, model_b, tie`);
        continue;
      }
      const answers = answersOf(record);
      const [subject, difficulty] = [of(subjectNames), of(difficultyNames)];
      comparisons.push({
        first,
        second,
        share,
        lengths: answers && { first: lengthOf(answers[0])!, second: lengthOf(answers[1])! },
        difficulty: difficulty === undefined || difficulty === "" ? undefined : Number(difficulty),
        subject: subject === undefined ? undefined : subjectOf(subject, { first, second, answers }),
      });
    }
  }
  if (comparisons.length === 0) {
    throw new AttuneError("data", {
      where: source,
      expected: "rows of model_a, model_b and winner",
      got:
        given !== undefined
          ? "no judged pair whose answers name two models"
          : columns.length === 0
            ? "no rows"
            : `columns ${columns.join(", ")}`,
      fix: 'winner is "model_a", "model_b" or "tie"',
    });
  }
  return { comparisons, leftOut };
}

/**
 * "Both bad" is a tie. AlpacaEval's number runs from 1 (the first) to 2 (the second), and is 0 where its judge found no difference.
 */
function shareOf(value: unknown, { first, second }: { first: string; second: string }): number | undefined {
  if (typeof value === "number") return value === 0 ? 0.5 : value >= 1 && value <= 2 ? 2 - value : undefined;
  if (typeof value !== "string") return undefined;
  if (value === first || /^(model_a|first|a|left|leftvote)$/i.test(value)) return 1;
  if (value === second || /^(model_b|second|b|right|rightvote)$/i.test(value)) return 0;
  if (/^(tie|draw|equal|both|neither)/i.test(value)) return 0.5;
  // Numbers of a CSV are texts.
  return /^[\d.]+(e-?\d+)?$/i.test(value) ? shareOf(Number(value), { first, second }) : undefined;
}

type Answers = readonly [unknown, unknown];

function answersOf(row: Record<string, unknown>): Answers | undefined {
  const a = row["response_a"] ?? row["conversation_a"] ?? row["output_1"];
  const b = row["response_b"] ?? row["conversation_b"] ?? row["output_2"];
  return lengthOf(a) === undefined || lengthOf(b) === undefined ? undefined : [a, b];
}

function lengthOf(answer: unknown): number | undefined {
  if (typeof answer === "string") return answer.length;
  if (!Array.isArray(answer)) return undefined;
  return answer.reduce(
    (n: number, turn: { role?: string; content?: unknown }) =>
      n + (turn?.role === "assistant" && typeof turn.content === "string" ? turn.content.length : 0),
    0,
  );
}

/** The same whichever of the two was shown first; short, for there may be many long answers. */
function subjectOf(
  subject: unknown,
  { first, second, answers }: { first: string; second: string; answers: Answers | undefined },
): string {
  const sides = [JSON.stringify([first, answers?.[0]]), JSON.stringify([second, answers?.[1]])].toSorted();
  return sha256(JSON.stringify([subject, ...sides]));
}
