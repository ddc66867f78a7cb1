/**
 * One item with its answers to rows of TRL's data types. Pure: what gives no row is told by its reason. Rows are conversational
 * (messages), except stepwise ones, which TRL wants as texts.
 */
import type { Candidate, Message } from "../../records/index.js";
import type { StoredAnswer } from "../category.js";
import type { ExportedItem } from "../reading.js";
import type { ExportKind, ExportOptions } from "./options.js";
import { answersInForce, candidatePairs, countVotes, type Votes } from "./votes.js";

export type ExportRow = Record<string, unknown>;

export interface ConvertOptions extends Required<Omit<ExportOptions, "project" | "as">> {
  /** Whether the project asked for strength at all: a margin is written in all rows or in none. */
  strengths: boolean;
}

export interface Converted {
  rows: ExportRow[];
  leftOut: string[];
}

const none = (reason: string): Converted => ({ rows: [], leftOut: [reason] });

const textOf = (messages: readonly Message[]): string =>
  messages.map(({ content }) => content ?? "").join("\n");

const isEmpty = (messages: readonly Message[]): boolean =>
  messages.every(({ content, tool_calls: calls }) => (content ?? "") === "" && (calls ?? []).length === 0);

/** What every row of an item has. */
const shared = (item: ExportedItem): ExportRow => ({
  prompt: item.prompt,
  ...(item.tools !== null && { tools: item.tools }),
});

/** For estimates: how likely the item was to be shown, where that was not 1, and its weight, where items were chosen actively. */
function origin(item: ExportedItem): ExportRow {
  const drawn = item.answers.map(({ probability }) => probability).filter((p) => p !== null && p < 1);
  return {
    item: item.id,
    ...(drawn.length > 0 && { selection_probability: drawn }),
    ...(item.weight !== undefined && { selection_weight: item.weight }),
  };
}

export function convertItem(item: ExportedItem, as: ExportKind, o: ConvertOptions): Converted {
  if (as === "prompt") return { rows: [{ ...shared(item), ...origin(item) }], leftOut: [] };
  const answers = answersInForce(item);
  if (answers.length === 0)
    return none(item.answers.length === 0 ? "not judged yet" : "skipped by everybody");
  if (o.votes === "majority") return converters[as](item, answers, o);
  const parts = answers.map((answer) => converters[as](item, [answer], o));
  return { rows: parts.flatMap(({ rows }) => rows), leftOut: parts.flatMap(({ leftOut }) => leftOut) };
}

type Converter = (item: ExportedItem, answers: readonly StoredAnswer[], o: ConvertOptions) => Converted;

const converters: Readonly<Record<Exclude<ExportKind, "prompt">, Converter>> = {
  preference: (item, answers, o) => {
    const result = rewrites(item, answers, o);
    for (const [first, second] of candidatePairs(item.candidates)) {
      const votes = countVotes(answers, [first.id, second.id]);
      if (votes.first + votes.second + votes.ties === 0) continue;
      add(result, pairRow(item, { first, second, votes, o }));
    }
    return result.rows.length + result.leftOut.length > 0
      ? result
      : none("its answers compare no two candidates");
  },

  unpaired: (item, answers) => {
    const result: Converted = { rows: [], leftOut: [] };
    for (const candidate of item.candidates) {
      const label = thumb(candidate.id, answers);
      if (typeof label === "string") result.leftOut.push(label);
      else if (isEmpty(candidate.messages)) result.leftOut.push("an empty answer");
      else result.rows.push({ ...shared(item), completion: candidate.messages, label, ...origin(item) });
    }
    return result;
  },

  ranked: (item, answers) => {
    const places = item.candidates.map(() => 0);
    let seen = false;
    for (const [i, j] of candidatePairs(item.candidates.map((_, k) => k))) {
      const votes = countVotes(answers, [item.candidates[i]!.id, item.candidates[j]!.id]);
      if (votes.first + votes.second + votes.ties > 0) seen = true;
      places[i]! += votes.second + votes.ties / 2;
      places[j]! += votes.first + votes.ties / 2;
    }
    if (!seen) return none("its answers compare no two candidates");
    const order = places.map((_, k) => k).toSorted((a, b) => places[a]! - places[b]! || a - b);
    return {
      rows: [
        {
          ...shared(item),
          completions: order.map((k) => item.candidates[k]!.messages),
          // Equal ranks are ties.
          ranks: order.map((k) => 1 + places.filter((place) => place < places[k]!).length),
          ...origin(item),
        },
      ],
      leftOut: [],
    };
  },

  demonstration: (item, answers, o) => {
    const written = answers.flatMap(({ outcome }) => (outcome?.type === "rewrite" ? [outcome.messages] : []));
    if (written.length > 0) {
      return {
        rows: written.map((completion) => ({ ...shared(item), completion, ...origin(item) })),
        leftOut: [],
      };
    }
    const ranked = converters.ranked(item, answers, o).rows[0];
    if (ranked === undefined) {
      const good = converters.unpaired(item, answers, o).rows.filter(({ label }) => label === true);
      return good.length === 0
        ? none("no answer was found good")
        : {
            rows: good.map((row) => {
              const { label: _, ...rest } = row;
              return rest;
            }),
            leftOut: [],
          };
    }
    const [best, next] = ranked["ranks"] as number[];
    if (best === next) return none("a tie");
    return {
      rows: [{ ...shared(item), completion: (ranked["completions"] as Message[][])[0], ...origin(item) }],
      leftOut: [],
    };
  },

  stepwise: (item, answers, o) => {
    const result: Converted = { rows: [], leftOut: [] };
    for (const candidate of item.candidates) {
      const labels = answers.flatMap(({ outcome }) =>
        outcome?.type === "step" && outcome.candidate === candidate.id ? [outcome.labels] : [],
      );
      if (labels.length === 0) continue;
      const steps = stepsOf(candidate, labels[0]!.length);
      const means = steps.map((_, k) => mean(labels.map((each) => each[k] ?? null)));
      // Nothing is known of what comes after the last judged step: TRL's labels cannot say so, hence it is cut.
      const end = means.findIndex((each) => each === null);
      const judged = (end < 0 ? means : means.slice(0, end)) as number[];
      if (judged.length === 0) result.leftOut.push("no step was judged");
      else {
        result.rows.push({
          prompt: textOf(item.prompt),
          completions: steps.slice(0, judged.length),
          labels: judged.map((each) => (each === 0 ? o.neutral === "positive" : each > 0)),
          ...origin(item),
        });
      }
    }
    return result.rows.length + result.leftOut.length > 0 ? result : none("no steps were judged");
  },
};

function add(into: Converted, { row, reason }: { row?: ExportRow; reason?: string }): void {
  if (row !== undefined) into.rows.push(row);
  if (reason !== undefined) into.leftOut.push(reason);
}

/** What was written in an answer's place is better than it. */
function rewrites(item: ExportedItem, answers: readonly StoredAnswer[], o: ConvertOptions): Converted {
  const result: Converted = { rows: [], leftOut: [] };
  for (const { outcome } of answers) {
    if (outcome?.type !== "rewrite") continue;
    const rejected = item.candidates.find(({ id }) => id === outcome.candidate)?.messages ?? [];
    if (JSON.stringify(rejected) === JSON.stringify(outcome.messages))
      result.leftOut.push("rewritten without a change");
    else if (isEmpty(rejected) || isEmpty(outcome.messages)) result.leftOut.push("an empty answer");
    else {
      result.rows.push({
        ...shared(item),
        chosen: outcome.messages,
        rejected,
        ...(o.strengths && o.margin !== "none" && { margin: 0 }),
        ...origin(item),
      });
    }
  }
  return result;
}

function pairRow(
  item: ExportedItem,
  { first, second, votes, o }: { first: Candidate; second: Candidate; votes: Votes; o: ConvertOptions },
): { row?: ExportRow; reason?: string } {
  if (isEmpty(first.messages) || isEmpty(second.messages)) return { reason: "an empty answer" };
  if (JSON.stringify(first.messages) === JSON.stringify(second.messages))
    return { reason: "two equal answers" };
  const tie = votes.first === votes.second;
  if (tie && o.ties === "drop") return { reason: votes.first === 0 ? "a tie" : "the votes are split evenly" };
  const won = votes.first >= votes.second;
  const all = votes.first + votes.second + votes.ties;
  const degree = Math.max(0, ((won ? 1 : -1) * votes.degrees) / all);
  return {
    row: {
      ...shared(item),
      chosen: (won ? first : second).messages,
      rejected: (won ? second : first).messages,
      ...(o.strengths &&
        o.margin !== "none" && { margin: tie ? 0 : o.margin === "small" ? degree / 3 : degree }),
      ...((o.softLabels || o.ties === "keep") && {
        soft_label: (Math.max(votes.first, votes.second) + votes.ties / 2) / all,
      }),
      ...(all > 1 && {
        votes: {
          chosen: won ? votes.first : votes.second,
          rejected: won ? votes.second : votes.first,
          ties: votes.ties,
        },
      }),
      ...origin(item),
    },
  };
}

/** Good, bad, or why neither can be said. */
function thumb(id: string, answers: readonly StoredAnswer[]): boolean | string {
  let sum = 0;
  let said = 0;
  for (const { outcome, tie } of answers) {
    if (outcome?.type === "rate" && outcome.candidate === id) {
      said += 1;
      // A thumb is 1 or 0 (or -1): all above 0 is good, and so is a grade above 0.
      sum += outcome.score > 0 ? 1 : -1;
    } else if (outcome?.type === "pair") {
      const { chosen, rejected } = outcome;
      if (chosen === null && tie !== "both_good" && tie !== "both_bad") continue;
      if (chosen !== null && chosen !== id && rejected !== null && rejected !== id) continue;
      said += 1;
      sum += tie === "both_good" || chosen === id ? 1 : -1;
    }
  }
  if (said === 0) return "an answer that was called neither good nor bad";
  return sum === 0 ? "the votes are split evenly" : sum > 0;
}

/** Mean over those who judged the step; null when nobody did. */
function mean(labels: readonly (number | null)[]): number | null {
  const given = labels.filter((label) => label !== null);
  return given.length === 0 ? null : given.reduce((sum, label) => sum + label, 0) / given.length;
}

/** The judged steps of a candidate: its messages, or the lines of its only one. */
function stepsOf({ messages }: Candidate, count: number): string[] {
  if (messages.length >= count && messages.length > 1) return messages.map((turn) => textOf([turn]));
  const lines = textOf(messages)
    .split(/\n+/)
    .filter((line) => line.trim() !== "");
  return lines.length === 0 ? [textOf(messages)] : lines;
}
