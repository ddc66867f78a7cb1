/** UltraFeedback as it was made (four scored completions) and as the H4 team made it binary. */
import { Preference } from "../../records/index.js";
import {
  checked,
  defineFormat,
  extraColumns,
  has,
  isObject,
  isText,
  need,
  needList,
  needText,
  RowProblem,
  RowSetAside,
  type Row,
} from "./format.js";
import { looksLikeMessages, readText } from "./messages.js";
import { pairTexts } from "./trl.js";

const aspects = ["helpfulness", "honesty", "truthfulness", "instruction_following"];

/** Mean of the four ratings; "N/A" is left out. Undefined where there is none. */
function meanRating(completion: Row): number | undefined {
  const annotations = completion["annotations"];
  if (!isObject(annotations)) return undefined;
  const ratings = aspects.flatMap((aspect) => {
    const entry = annotations[aspect];
    const rating = isObject(entry) ? Number(entry["Rating"]) : Number.NaN;
    return Number.isFinite(rating) ? [rating] : [];
  });
  return ratings.length === 0 ? undefined : ratings.reduce((sum, rating) => sum + rating, 0) / ratings.length;
}

export const ultrafeedback = defineFormat<"preference">({
  title: "UltraFeedback (openbmb): four completions with ratings",
  kind: "preference",
  // overall_score is not used: in the first release 2,628 completions had 10 where 1 was meant.
  conversion:
    "best against worst by the mean of the four ratings; ties and truthful_qa (in TruthfulQA's test set) are set aside",
  matches: (row) =>
    isText(row["instruction"]) &&
    Array.isArray(row["completions"]) &&
    row["completions"].every((each) => isObject(each) && has(each, "response")),
  convert: (row, place) => {
    if (row["source"] === "truthful_qa")
      throw new RowSetAside("source truthful_qa: these are TruthfulQA's test questions");
    const completions = needList(row, "completions").map((completion, index) => {
      if (!isObject(completion)) throw new RowProblem(`\`completions\`[${index}] is not an object`);
      return {
        response: needText(completion, "response"),
        model: completion["model"],
        score: meanRating(completion),
      };
    });
    const rated = completions
      .filter((each) => each.score !== undefined)
      .map((each) => ({ ...each, score: each.score as number }));
    if (rated.length < 2) throw new RowSetAside("fewer than two rated completions");
    // The first of equals wins, so the choice does not depend on how sort treats ties.
    const best = rated.reduce((most, each) => (each.score > most.score ? each : most));
    const worst = rated.reduce((least, each) => (each.score < least.score ? each : least));
    if (best.score === worst.score) throw new RowSetAside("a tie: all completions have the same rating");
    return [
      checked(Preference, {
        ...place,
        prompt: [{ role: "user", content: needText(row, "instruction") }],
        chosen: [{ role: "assistant", content: best.response }],
        rejected: [{ role: "assistant", content: worst.response }],
        extra: {
          score_chosen: best.score,
          score_rejected: worst.score,
          model_chosen: best.model,
          model_rejected: worst.model,
          ...(row["source"] !== undefined && { source: row["source"] }),
        },
      }),
    ];
  },
});

export const ultrafeedbackBinarized = defineFormat<"preference">({
  title: "UltraFeedback binarized (HuggingFaceH4): prompt as text, answers as dialogues",
  kind: "preference",
  conversion: "the dialogues' shared turns become the prompt; the scores are kept beside the pair",
  matches: (row) =>
    isText(row["prompt"]) && looksLikeMessages(row["chosen"]) && has(row, "score_chosen", "score_rejected"),
  convert: (row, place) => [
    checked(Preference, {
      ...place,
      ...pairTexts({
        prompt: needText(row, "prompt"),
        chosen: readText(need(row, "chosen"), "chosen"),
        rejected: readText(need(row, "rejected"), "rejected"),
      }),
      ...extraColumns(row, ["prompt", "chosen", "rejected", "messages"]),
    }),
  ],
});
