/** TRL's data types, standard and conversational; they are also our own. */
import {
  Demonstration,
  Preference,
  PromptOnly,
  Stepwise,
  Unpaired,
  type Message,
  type Text,
} from "../../records/index.js";
import { extractPrompt } from "../prompts.js";
import {
  checked,
  defineFormat,
  describe,
  extraColumns,
  has,
  isObject,
  isText,
  lacks,
  need,
  needList,
  needText,
  RowProblem,
  type Row,
} from "./format.js";
import { looksLikeMessages, looksLikeText, readCommon, readMessages, readText } from "./messages.js";

const commonColumns = ["tools", "chat_template_kwargs"];

/** Columns without a place as `extra`. A record that we wrote (its source ends in a line) keeps its id and extra. */
function rest(row: Row, used: readonly string[]): { id?: string; extra?: Record<string, unknown> } {
  const { id, source, extra } = row;
  if (!isText(id) || id === "" || !isText(source) || !/:\d+$/.test(source)) return extraColumns(row, used);
  const others = extraColumns(row, [...used, "id", "source", "extra"]);
  return isObject(extra) ? { id, extra: { ...extra, ...others.extra } } : { id, ...others };
}

/** `label` as true or false; 1 and 0 are accepted, as in many exports. */
function readLabel(row: Row, name: string): boolean {
  const value = need(row, name);
  if (typeof value === "boolean") return value;
  if (value === 1 || value === 0) return value === 1;
  throw new RowProblem(`column \`${name}\`: expected true or false, got ${describe(value)}`);
}

function readMargin(row: Row): { margin?: number } {
  const value = row["margin"];
  if (value === undefined || value === null || value === "") return {};
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new RowProblem(`column \`margin\`: expected a number, got ${describe(value)}`);
  }
  return { margin: value };
}

/** An answer beside a conversational prompt may be a text: then it is the assistant's turn. */
function asForm(text: Text, prompt: Text): Text {
  if (typeof prompt === "string" || typeof text !== "string") return text;
  return [{ role: "assistant", content: text } satisfies Message];
}

/** Leaves out the turns of the prompt that an answer repeats at its start. */
function withoutPrompt(answer: Text, prompt: Text): Text {
  if (typeof answer === "string" || typeof prompt === "string") return answer;
  const repeated =
    prompt.length > 0 &&
    prompt.every((turn, index) => JSON.stringify(turn) === JSON.stringify(answer[index]));
  return repeated ? answer.slice(prompt.length) : answer;
}

/**
 * Prompt and two answers in one form. Answers that are whole dialogues lose the shared start; with a text as the
 * prompt, it is the dialogues' shared turns that count (ultrafeedback_binarized).
 */
export function pairTexts(texts: {
  prompt?: Text;
  chosen: Text;
  rejected: Text;
}): Pick<Preference, "prompt" | "chosen" | "rejected"> {
  const { prompt, chosen, rejected } = texts;
  const isDialogue = (text: Text) => typeof text !== "string" && text.some((turn) => turn.role === "user");
  if (
    prompt === undefined ||
    (typeof prompt === "string" && typeof chosen !== "string" && isDialogue(chosen))
  ) {
    const extracted = extractPrompt(chosen, rejected);
    if (extracted === undefined) {
      // What is wrong is told by the answers themselves: equal, empty, or one the beginning of the other.
      checked(Preference, { id: "-", prompt: typeof chosen === "string" ? "" : [], chosen, rejected });
      throw new RowProblem("one answer is the beginning of the other, so that it would be empty");
    }
    return extracted;
  }
  if (typeof prompt === "string" && typeof chosen !== "string") {
    return { prompt: [{ role: "user", content: prompt }], chosen, rejected: asForm(rejected, chosen) };
  }
  return {
    prompt,
    chosen: withoutPrompt(asForm(chosen, prompt), prompt),
    rejected: withoutPrompt(asForm(rejected, prompt), prompt),
  };
}

export const trlPreference = defineFormat<"preference">({
  title: "TRL preference, explicit prompt",
  kind: "preference",
  conversion: "kept as it is",
  matches: (row) =>
    looksLikeText(row["prompt"]) && looksLikeText(row["chosen"]) && looksLikeText(row["rejected"]),
  convert: (row, place) => [
    checked(Preference, {
      ...place,
      ...pairTexts({
        prompt: readText(need(row, "prompt"), "prompt"),
        chosen: readText(need(row, "chosen"), "chosen"),
        rejected: readText(need(row, "rejected"), "rejected"),
      }),
      ...readMargin(row),
      ...readCommon(row),
      ...rest(row, ["prompt", "chosen", "rejected", "margin", ...commonColumns]),
    }),
  ],
});

export const trlPreferenceImplicit = defineFormat<"preference">({
  title: "TRL preference, implicit prompt",
  kind: "preference",
  conversion: "the prompt is the longest shared start of the two answers, cut between messages or words",
  matches: (row) => lacks(row, "prompt") && looksLikeText(row["chosen"]) && looksLikeText(row["rejected"]),
  convert: (row, place) => [
    checked(Preference, {
      ...place,
      ...pairTexts({
        chosen: readText(need(row, "chosen"), "chosen"),
        rejected: readText(need(row, "rejected"), "rejected"),
      }),
      ...readMargin(row),
      ...readCommon(row),
      ...rest(row, ["chosen", "rejected", "margin", ...commonColumns]),
    }),
  ],
});

export const trlUnpaired = defineFormat<"unpaired">({
  title: "TRL unpaired preference",
  kind: "unpaired",
  conversion: "kept as it is",
  matches: (row) =>
    looksLikeText(row["prompt"]) &&
    looksLikeText(row["completion"]) &&
    (typeof row["label"] === "boolean" || row["label"] === 0 || row["label"] === 1),
  convert: (row, place) => {
    const prompt = readText(need(row, "prompt"), "prompt");
    const completion = asForm(readText(need(row, "completion"), "completion"), prompt);
    return [
      checked(Unpaired, {
        ...place,
        prompt,
        completion: withoutPrompt(completion, prompt),
        label: readLabel(row, "label"),
        ...readCommon(row),
        ...rest(row, ["prompt", "completion", "label", ...commonColumns]),
      }),
    ];
  },
});

export const trlStepwise = defineFormat<"stepwise">({
  title: "TRL stepwise supervision",
  kind: "stepwise",
  conversion: "kept as it is",
  matches: (row) =>
    isText(row["prompt"]) && Array.isArray(row["completions"]) && Array.isArray(row["labels"]),
  convert: (row, place) => [
    checked(Stepwise, {
      ...place,
      prompt: needText(row, "prompt"),
      completions: needList(row, "completions"),
      labels: needList(row, "labels").map((label) => (label === 0 || label === 1 ? label === 1 : label)),
      ...rest(row, ["prompt", "completions", "labels"]),
    }),
  ],
});

export const trlPromptCompletion = defineFormat<"demonstration">({
  title: "TRL prompt and completion",
  kind: "demonstration",
  conversion: "kept as it is",
  matches: (row) => looksLikeText(row["prompt"]) && looksLikeText(row["completion"]) && lacks(row, "label"),
  convert: (row, place) => {
    const prompt = readText(need(row, "prompt"), "prompt");
    return [
      checked(Demonstration, {
        ...place,
        prompt,
        completion: asForm(readText(need(row, "completion"), "completion"), prompt),
        ...readCommon(row),
        ...rest(row, ["prompt", "completion", ...commonColumns]),
      }),
    ];
  },
});

export const trlMessages = defineFormat<"demonstration">({
  title: "TRL conversations (messages)",
  kind: "demonstration",
  conversion: "kept as it is; every assistant message is learned from",
  matches: (row) => looksLikeMessages(row["messages"]),
  convert: (row, place) => [
    checked(Demonstration, {
      ...place,
      messages: readMessages(need(row, "messages"), "messages"),
      ...readCommon(row),
      ...rest(row, ["messages", ...commonColumns]),
    }),
  ],
});

export const trlText = defineFormat<"demonstration">({
  title: "TRL language modelling (text)",
  kind: "demonstration",
  conversion: "kept as it is",
  matches: (row) => isText(row["text"]),
  convert: (row, place) => [
    checked(Demonstration, { ...place, text: needText(row, "text"), ...rest(row, ["text"]) }),
  ],
});

export const trlPromptOnly = defineFormat<"prompt">({
  title: "TRL prompt-only",
  kind: "prompt",
  conversion: "kept as it is; other columns go to the reward functions",
  matches: (row) =>
    looksLikeText(row["prompt"]) && lacks(row, "completion", "chosen", "rejected", "completions"),
  convert: (row, place) => [
    checked(PromptOnly, {
      ...place,
      prompt: readText(need(row, "prompt"), "prompt"),
      ...readCommon(row),
      ...rest(row, ["prompt", ...commonColumns]),
    }),
  ],
});

export const verl = defineFormat<"prompt">({
  title: "verl prompts with a rule or model reward",
  kind: "prompt",
  conversion: "the prompt; data_source, reward_model and the rest go to the reward functions",
  matches: (row) => has(row, "data_source", "reward_model") && looksLikeMessages(row["prompt"]),
  convert: (row, place) => [
    checked(PromptOnly, {
      ...place,
      prompt: readMessages(need(row, "prompt"), "prompt"),
      ...rest(row, ["prompt"]),
    }),
  ],
});
