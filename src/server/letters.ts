/** Names of candidates by place: `A`, `B`, … as annotators see them, since the data's own ids may tell the model. Knows no store. */
import type { Answer } from "./api-schemas.js";
import { Refusal } from "./refusal.js";

export const letterOf = (place: number): string =>
  place < 26 ? String.fromCodePoint(65 + place) : `C${place + 1}`;

/** From letters to the data's ids. Throws `invalid` for a letter that was not shown. */
export const idOfLetter =
  (shown: readonly string[]) =>
  (letter: string): string => {
    const place = shown.findIndex((_, k) => letterOf(k) === letter);
    if (place < 0)
      throw new Refusal(
        "invalid",
        `answer: expected a candidate of ${shown.map((_, k) => letterOf(k)).join(", ")}, got ${letter.slice(0, 50)}`,
      );
    return shown[place]!;
  };

/** From the data's ids to letters; an id that was not shown (of an imported judgement) stays. */
export const letterOfId =
  (shown: readonly string[]) =>
  (id: string): string => {
    const place = shown.indexOf(id);
    return place < 0 ? id : letterOf(place);
  };

/** The answer with every candidate named by `name`. */
export function renameCandidates(answer: Answer, name: (id: string) => string): Answer {
  const { outcome, attributes } = answer;
  return {
    ...answer,
    ...(outcome && { outcome: renameOutcome(outcome, name) }),
    ...(attributes && {
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([attribute, scores]) => [
          attribute,
          Object.fromEntries(Object.entries(scores).map(([id, score]) => [name(id), score])),
        ]),
      ),
    }),
  };
}

function renameOutcome(
  outcome: NonNullable<Answer["outcome"]>,
  name: (id: string) => string,
): NonNullable<Answer["outcome"]> {
  switch (outcome.type) {
    case "pair": {
      const { chosen, rejected } = outcome;
      return {
        type: "pair",
        chosen: chosen === null ? null : name(chosen),
        rejected: rejected === null ? null : name(rejected),
      };
    }
    case "rank":
      return { type: "rank", order: outcome.order.map((tied) => tied.map(name)) };
    default:
      return { ...outcome, candidate: name(outcome.candidate) };
  }
}
