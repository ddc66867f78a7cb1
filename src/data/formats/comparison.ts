/**
 * Two answers and the votes on them: what every judged-pairs format boils down to. Gives the majority's pair for
 * training, and the judgements themselves for statistics. Knows no file format.
 */
import { Item, Judgement, Preference, type Message } from "../../records/index.js";
import { checked, RowSetAside, type Judged, type RowPlace } from "./format.js";
import { pairTexts } from "./trl.js";

export interface Vote {
  annotator: Judgement["annotator"];
  /** Which answer won; null for a tie. */
  preferred: 0 | 1 | null;
  tie?: "equal" | "both_good" | "both_bad";
  /** -3 (the first is much better) to 3. */
  strength?: number;
  comment?: string;
  reasons?: string[];
  attributes?: Record<string, unknown>;
  submitted_at?: string;
  active_ms?: number;
}

export interface Comparison {
  /** Undefined when the answers are whole dialogues. */
  prompt: Message[] | undefined;
  answers: readonly [Message[], Message[]];
  /** Who wrote the answers. */
  models?: readonly [string, string];
  votes: readonly Vote[];
  /** The first answer was shown on the left to everybody. */
  firstIsLeft?: boolean;
  extra?: Record<string, unknown>;
}

const names = ["a", "b"] as const;

/** The pair on which most votes agree. Sets the row aside on a tie, or without votes. */
export function majorityPreference(
  { prompt, answers, votes, extra }: Comparison,
  place: RowPlace,
): Preference {
  if (votes.length === 0) throw new RowSetAside("nobody judged it");
  const [first, second] = [0, 1].map((side) => votes.filter((vote) => vote.preferred === side).length) as [
    number,
    number,
  ];
  if (first === second) {
    throw new RowSetAside(
      first === 0 ? "a tie: no preferred answer" : `the votes are split ${first} to ${second}`,
    );
  }
  const [chosen, rejected] = first > second ? answers : [answers[1], answers[0]];
  const pair = pairTexts({ prompt, chosen, rejected });
  return checked(Preference, {
    ...place,
    ...pair,
    ...((votes.length > 1 || extra !== undefined) && {
      extra: {
        ...extra,
        ...(votes.length > 1 && {
          votes: {
            chosen: Math.max(first, second),
            rejected: Math.min(first, second),
            ties: votes.length - first - second,
          },
        }),
      },
    }),
  });
}

/** The row as an item with candidates `a` and `b`, and one judgement a vote. */
export function itemWithJudgements(
  { prompt, answers, models, votes, firstIsLeft }: Comparison,
  place: RowPlace,
): Judged {
  const shared = prompt ?? sharedStart(answers[0], answers[1]);
  const item = checked(Item, {
    id: place.id,
    prompt: shared,
    candidates: answers.map((messages, side) => ({
      id: names[side],
      ...(models && { source: { model: models[side] } }),
      messages: prompt === undefined ? messages.slice(shared.length) : messages,
    })),
  });
  const judgements = votes.map((vote, index) => {
    const { preferred, tie, ...rest } = vote;
    return checked(Judgement, {
      id: `${place.id}#${index + 1}`,
      item: place.id,
      ...rest,
      ...(firstIsLeft && { shown_order: [...names] }),
      outcome: {
        type: "pair",
        chosen: preferred === null ? null : names[preferred],
        rejected: preferred === null ? null : names[1 - preferred],
      },
      ...(preferred === null && { tie: tie ?? "equal" }),
    });
  });
  return { item, judgements };
}

function sharedStart(left: readonly Message[], right: readonly Message[]): Message[] {
  let at = 0;
  while (at < Math.min(left.length, right.length) && JSON.stringify(left[at]) === JSON.stringify(right[at]))
    at += 1;
  return left.slice(0, at);
}

/** `convert` and `judge` of a format whose rows are comparisons. */
export function comparisonFormat(read: (row: Readonly<Record<string, unknown>>) => Comparison): {
  kind: "preference";
  convert: (row: Readonly<Record<string, unknown>>, place: RowPlace) => Preference[];
  judge: (row: Readonly<Record<string, unknown>>, place: RowPlace) => Judged;
} {
  return {
    kind: "preference",
    convert: (row, place) => [majorityPreference(read(row), place)],
    judge: (row, place) => itemWithJudgements(read(row), place),
  };
}
