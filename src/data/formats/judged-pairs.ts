/** Formats of judged pairs: PandaLM, Chatbot Arena, AlpacaEval, HelpSteer3. */
import type { Message } from "../../records/index.js";
import { comparisonFormat, type Vote } from "./comparison.js";
import {
  defineFormat,
  describe,
  has,
  isObject,
  isText,
  need,
  needList,
  needNumber,
  needText,
  optionalText,
  RowProblem,
  type Row,
} from "./format.js";
import { looksLikeMessages, readMessages } from "./messages.js";

const user = (...parts: string[]): Message[] => [
  { role: "user", content: parts.filter((part) => part !== "").join("\n") },
];
const assistant = (content: string): Message[] => [{ role: "assistant", content }];

/** `bloom-7b_llama-7b`: who wrote the first and who the second response. */
function comparedModels(key: unknown): { models?: readonly [string, string] } {
  const [first, second, more] = isText(key) ? key.split("_") : [];
  return first === undefined || second === undefined || more !== undefined ? {} : { models: [first, second] };
}

export const pandalm = defineFormat<"preference">({
  title: "PandaLM test set: two responses, three annotators",
  conversion:
    "instruction + input become the prompt; the majority of the annotators decides, ties are set aside",
  matches: (row) =>
    isText(row["response1"]) && isText(row["response2"]) && has(row, "instruction", "annotator1"),
  ...comparisonFormat((row) => ({
    prompt: user(needText(row, "instruction"), optionalText(row, "input") ?? ""),
    answers: [assistant(needText(row, "response1")), assistant(needText(row, "response2"))],
    ...comparedModels(row["cmp_key"]),
    votes: Object.keys(row)
      .filter((name) => /^annotator\d+$/.test(name))
      .map((name): Vote => {
        const value = needNumber(row, name);
        if (![0, 1, 2].includes(value))
          throw new RowProblem(`column \`${name}\`: expected 0, 1 or 2, got ${value}`);
        const annotator = { kind: "human", id: name } as const;
        return { annotator, preferred: value === 0 ? null : ((value - 1) as 0 | 1) };
      }),
  })),
});

const winners: Readonly<Record<string, Pick<Vote, "preferred" | "tie">>> = {
  model_a: { preferred: 0 },
  model_b: { preferred: 1 },
  leftvote: { preferred: 0 },
  rightvote: { preferred: 1 },
  tie: { preferred: null, tie: "equal" },
  tievote: { preferred: null, tie: "equal" },
  "tie (bothbad)": { preferred: null, tie: "both_bad" },
  both_bad: { preferred: null, tie: "both_bad" },
  bothbad_vote: { preferred: null, tie: "both_bad" },
};

function readWinner(row: Row, name: string): Pick<Vote, "preferred" | "tie"> {
  const value = needText(row, name);
  const winner = winners[value];
  if (winner === undefined) {
    throw new RowProblem(
      `column \`${name}\`: expected one of ${Object.keys(winners).join(", ")}, got "${value}"`,
    );
  }
  return winner;
}

export const arena = defineFormat<"preference">({
  title: "Chatbot Arena battles (100k, 140k)",
  conversion: "the two conversations part after their shared turns; the winner is chosen, ties are set aside",
  matches: (row) =>
    looksLikeMessages(row["conversation_a"]) &&
    looksLikeMessages(row["conversation_b"]) &&
    isText(row["winner"]),
  ...comparisonFormat((row) => {
    const turns = (name: string) =>
      readMessages(needList(row, name), name).map(({ role, content }) => ({ role, content }));
    return {
      prompt: undefined,
      answers: [turns("conversation_a"), turns("conversation_b")],
      models: [optionalText(row, "model_a") ?? "a", optionalText(row, "model_b") ?? "b"],
      firstIsLeft: true,
      votes: [
        {
          annotator: {
            kind: "human",
            id: optionalText(row, "judge_hash") ?? optionalText(row, "judge") ?? "arena",
          },
          ...readWinner(row, "winner"),
        },
      ],
    };
  }),
});

export const arenaVotes = defineFormat({
  title: "Chatbot Arena battles without their texts",
  kind: undefined,
  conversion: "model names and winners only: nothing to train on; rankings can be computed from them",
  matches: (row) =>
    (has(row, "model_a", "model_b", "winner") && row["conversation_a"] === undefined) ||
    (isText(row["type"]) && /^(left|right|tie|bothbad_)vote$/.test(row["type"])),
});

export const alpacaEval = defineFormat<"preference">({
  title: "AlpacaEval annotations",
  conversion: "preference below 1.5 chooses output_1, above it output_2; ties are set aside",
  matches: (row) => isText(row["output_1"]) && isText(row["output_2"]) && isText(row["instruction"]),
  ...comparisonFormat((row) => {
    const value = need(row, "preference");
    if (value !== null && (typeof value !== "number" || value < 0 || value > 2)) {
      throw new RowProblem(`column \`preference\`: expected a number from 1 to 2, got ${describe(value)}`);
    }
    const annotator = { kind: "model", id: optionalText(row, "annotator") ?? "alpaca_eval" } as const;
    // 0 is how old versions wrote a tie.
    const preferred = value === 1.5 || value === 0 ? null : (value as number) < 1.5 ? 0 : 1;
    return {
      prompt: user(needText(row, "instruction")),
      answers: [assistant(needText(row, "output_1")), assistant(needText(row, "output_2"))],
      models: [optionalText(row, "generator_1") ?? "1", optionalText(row, "generator_2") ?? "2"],
      votes: value === null ? [] : [{ annotator, preferred }],
    };
  }),
});

export const helpsteer3 = defineFormat<"preference">({
  title: "HelpSteer3 preference (NVIDIA)",
  conversion:
    "context becomes the prompt; overall_preference below 0 chooses response1, above 0 response2, 0 is set aside",
  matches: (row) => has(row, "context", "response1", "response2", "overall_preference"),
  ...comparisonFormat((row) => {
    const overall = needNumber(row, "overall_preference");
    const sign = (score: number): 0 | 1 | null => (score === 0 ? null : score < 0 ? 0 : 1);
    return {
      prompt: readMessages(need(row, "context"), "context"),
      answers: [assistant(needText(row, "response1")), assistant(needText(row, "response2"))],
      votes: [{ annotator: { kind: "rule", id: "overall" }, preferred: sign(overall), strength: overall }],
      extra: { strength: Math.abs(overall) },
    };
  }),
  judge: (row, place) => {
    const individual = Array.isArray(row["individual_preference"])
      ? row["individual_preference"].filter(isObject)
      : [];
    return comparisonFormat(() => ({
      prompt: readMessages(need(row, "context"), "context"),
      answers: [assistant(needText(row, "response1")), assistant(needText(row, "response2"))],
      votes: individual.map((each, index) => {
        const score = needNumber(each, "score");
        return {
          annotator: { kind: "human", id: `annotator${index + 1}` },
          preferred: score === 0 ? null : score < 0 ? 0 : 1,
          strength: score,
          ...(isText(each["reasoning"]) && { comment: each["reasoning"] }),
        };
      }),
    })).judge(row, place);
  },
});
