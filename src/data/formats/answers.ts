/** Plain rows of a prompt and two answers, judged or not: what people write by hand, and what `attune pairs` writes. */
import { comparisonFormat, type Vote } from "./comparison.js";
import { asTurns, findPrompt, promptColumn } from "./fields.js";
import { defineFormat, need, optionalText, RowProblem, type Row } from "./format.js";
import { looksLikeText } from "./messages.js";

/** Names under which people keep two answers; the first that is there counts. */
const spellings = ["response", "answer", "completion", "output"].flatMap((word) =>
  [
    ["_a", "_b"],
    ["_1", "_2"],
    ["1", "2"],
    ["A", "B"],
  ].map(([first, second]) => [`${word}${first}`, `${word}${second}`] as const),
);

const answerColumns = (row: Row) =>
  spellings.find(([first, second]) => looksLikeText(row[first]) && looksLikeText(row[second]));
const words: readonly (readonly [RegExp, Pick<Vote, "preferred" | "tie">])[] = [
  [/^(a|1|first|left|model_a|response_?[a1]|answer_?[a1])$/i, { preferred: 0 }],
  [/^(b|2|second|right|model_b|response_?[b2]|answer_?[b2])$/i, { preferred: 1 }],
  [/^(both[ _-]?bad|neither|tie \(bothbad\))$/i, { preferred: null, tie: "both_bad" }],
  [/^(both[ _-]?good)$/i, { preferred: null, tie: "both_good" }],
  [/^(tie|0|equal|same|draw|both)$/i, { preferred: null, tie: "equal" }],
];

function readVotes(row: Row): Vote[] {
  const column = ["winner", "label", "choice", "preference", "preferred"].find(
    (name) => row[name] !== undefined && row[name] !== null && row[name] !== "",
  );
  if (column === undefined) return [];
  const said = String(row[column]).trim();
  const vote = words.find(([pattern]) => pattern.test(said))?.[1];
  if (vote === undefined)
    throw new RowProblem(`column \`${column}\`: expected A, B, tie or both bad, got ${JSON.stringify(said)}`);
  const comment = optionalText(row, "comment");
  return [
    {
      annotator: {
        kind: "human",
        id: String(row["annotator"] ?? row["rater"] ?? row["user"] ?? "file-label"),
      },
      ...vote,
      ...(comment && { comment }),
    },
  ];
}

export const answersToCompare = defineFormat<"preference">({
  title: "a prompt and two answers, judged or not",
  conversion:
    "winner (A, B, tie, both bad) of annotator, where there, is the judgement; rows without one are to be judged",
  matches: (row) => promptColumn(row) !== undefined && answerColumns(row) !== undefined,
  ...comparisonFormat((row) => {
    const [first, second] = answerColumns(row) ?? ["response_a", "response_b"];
    const [a, b] = [optionalText(row, "model_a"), optionalText(row, "model_b")];
    return {
      prompt: findPrompt(row),
      answers: [
        asTurns(need(row, first), { role: "assistant", where: first }),
        asTurns(need(row, second), { role: "assistant", where: second }),
      ],
      ...(a !== undefined && b !== undefined && { models: [a, b] as const }),
      votes: readVotes(row),
    };
  }),
});
