/** LLaMA-Factory's alpaca and sharegpt families, its v1 files, and the columns that dataset_info.json renames. */
import { Demonstration, Preference, Unpaired, type Message } from "../../records/index.js";
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
  optionalText,
  RowProblem,
  type Row,
} from "./format.js";
import { looksLikeMessages, readCommon, readMessages } from "./messages.js";
import { pairTexts } from "./trl.js";

const alpacaColumns = [
  "instruction",
  "input",
  "output",
  "system",
  "history",
  "chosen",
  "rejected",
  "kto_tag",
  "tools",
];
const sharegptColumns = [
  "conversations",
  "messages",
  "chosen",
  "rejected",
  "system",
  "tools",
  "kto_tag",
  "label",
];

/** System, history, and the instruction with its input under it, as LLaMA-Factory joins them. */
function alpacaPrompt(row: Row): Message[] {
  const system = optionalText(row, "system");
  const history = row["history"];
  const turns: Message[] = system ? [{ role: "system", content: system }] : [];
  if (Array.isArray(history)) {
    for (const [index, pair] of history.entries()) {
      if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(isText)) {
        throw new RowProblem(`\`history\`[${index}]: expected [question, answer], got ${describe(pair)}`);
      }
      turns.push(
        { role: "user", content: pair[0] as string },
        { role: "assistant", content: pair[1] as string },
      );
    }
  }
  const parts = [needText(row, "instruction"), optionalText(row, "input") ?? ""].filter(
    (part) => part !== "",
  );
  if (parts.length === 0) throw new RowProblem("column `instruction` is empty");
  return [...turns, { role: "user", content: parts.join("\n") }];
}

const assistant = (content: string): Message[] => [{ role: "assistant", content }];

/** A value that stands for one assistant answer: a text, a turn, or a list of turns. */
function readAnswer(row: Row, name: string): Message[] {
  const value = need(row, name);
  if (isText(value)) return assistant(value);
  return readMessages(isObject(value) ? [value] : value, name);
}

function readTag(row: Row, name: string): boolean {
  const value = need(row, name);
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  if (isText(value) && /^(true|false)$/i.test(value)) return /^true$/i.test(value);
  throw new RowProblem(`column \`${name}\`: expected true or false, got ${describe(value)}`);
}

/** A kto_tag, or the `label` that LLaMA-Factory's own demo uses. */
const tagName = (row: Row): string => (row["kto_tag"] === undefined ? "label" : "kto_tag");

export const alpaca = defineFormat<"demonstration">({
  title: "Alpaca (LLaMA-Factory, Stanford)",
  kind: "demonstration",
  conversion: "system, history and instruction + input become the prompt's messages; output the assistant's",
  matches: (row) => isText(row["instruction"]) && isText(row["output"]) && lacks(row, "kto_tag", "chosen"),
  convert: (row, place) => [
    checked(Demonstration, {
      ...place,
      prompt: alpacaPrompt(row),
      completion: assistant(needText(row, "output")),
      ...readCommon(row),
      ...extraColumns(row, alpacaColumns),
    }),
  ],
});

export const alpacaPreference = defineFormat<"preference">({
  title: "Alpaca preference (LLaMA-Factory ranking)",
  kind: "preference",
  conversion: "instruction + input become the prompt's messages; chosen and rejected the assistant's",
  matches: (row) => isText(row["instruction"]) && has(row, "chosen", "rejected"),
  convert: (row, place) => {
    const prompt = alpacaPrompt(row);
    return [
      checked(Preference, {
        ...place,
        ...pairTexts({ prompt, chosen: readAnswer(row, "chosen"), rejected: readAnswer(row, "rejected") }),
        ...readCommon(row),
        ...extraColumns(row, alpacaColumns),
      }),
    ];
  },
});

export const alpacaKto = defineFormat<"unpaired">({
  title: "Alpaca with kto_tag (LLaMA-Factory)",
  kind: "unpaired",
  conversion: "instruction + input become the prompt's messages; output is liked where kto_tag is true",
  matches: (row) => isText(row["instruction"]) && has(row, "output", "kto_tag"),
  convert: (row, place) => [
    checked(Unpaired, {
      ...place,
      prompt: alpacaPrompt(row),
      completion: assistant(needText(row, "output")),
      label: readTag(row, "kto_tag"),
      ...readCommon(row),
      ...extraColumns(row, alpacaColumns),
    }),
  ],
});

/** The turns of a sharegpt row, its `system` column first. */
function sharegptTurns(row: Row): Message[] {
  const name = row["conversations"] === undefined ? "messages" : "conversations";
  const system = optionalText(row, "system");
  return [
    ...(system ? [{ role: "system", content: system }] : []),
    ...readMessages(needList(row, name), name),
  ];
}

const hasTurns = (row: Row): boolean => looksLikeMessages(row["conversations"] ?? row["messages"]);

export const sharegpt = defineFormat<"demonstration">({
  title: "ShareGPT (conversations)",
  kind: "demonstration",
  conversion: "human, gpt, function_call and observation become user, assistant, tool calls and tool",
  matches: (row) => looksLikeMessages(row["conversations"]) && lacks(row, "chosen", "kto_tag"),
  convert: (row, place) => [
    checked(Demonstration, {
      ...place,
      messages: sharegptTurns(row),
      ...readCommon(row),
      ...extraColumns(row, sharegptColumns),
    }),
  ],
});

export const sharegptPreference = defineFormat<"preference">({
  title: "ShareGPT preference (LLaMA-Factory ranking)",
  kind: "preference",
  conversion: "conversations become the prompt's messages; chosen and rejected the assistant's",
  matches: (row) => looksLikeMessages(row["conversations"]) && has(row, "chosen", "rejected"),
  convert: (row, place) => {
    const prompt = sharegptTurns(row);
    return [
      checked(Preference, {
        ...place,
        ...pairTexts({ prompt, chosen: readAnswer(row, "chosen"), rejected: readAnswer(row, "rejected") }),
        ...readCommon(row),
        ...extraColumns(row, sharegptColumns),
      }),
    ];
  },
});

export const sharegptKto = defineFormat<"unpaired">({
  title: "ShareGPT with kto_tag (LLaMA-Factory)",
  kind: "unpaired",
  conversion:
    "the last assistant message is the answer, liked where the tag is true; what is before it the prompt",
  matches: (row) =>
    hasTurns(row) && (has(row, "kto_tag") || (typeof row["label"] === "boolean" && lacks(row, "completion"))),
  convert: (row, place) => {
    const turns = sharegptTurns(row);
    const last = turns.at(-1);
    if (last?.role !== "assistant")
      throw new RowProblem("the conversation does not end with an assistant message");
    return [
      checked(Unpaired, {
        ...place,
        prompt: turns.slice(0, -1),
        completion: [last],
        label: readTag(row, tagName(row)),
        ...readCommon(row),
        ...extraColumns(row, sharegptColumns),
      }),
    ];
  },
});

/** Messages of a v1 row; `loss_weight` is LLaMA-Factory's own and stays on the message as `weight`. */
function readWeighted(row: Row, name: string): Message[] {
  return readMessages(needList(row, name), name).map(({ loss_weight: weight, ...message }) =>
    message.role === "assistant" && weight === 0 ? { ...message, weight: 0 } : message,
  );
}

export const llamaFactoryV1Preference = defineFormat<"preference">({
  title: "LLaMA-Factory v1 preference (chosen_messages, rejected_messages)",
  kind: "preference",
  conversion: "content parts are joined; the prompt is the shared messages",
  matches: (row) => looksLikeMessages(row["chosen_messages"]) && looksLikeMessages(row["rejected_messages"]),
  convert: (row, place) => [
    checked(Preference, {
      ...place,
      ...pairTexts({
        chosen: readWeighted(row, "chosen_messages"),
        rejected: readWeighted(row, "rejected_messages"),
      }),
      ...readCommon(row),
      ...extraColumns(row, ["chosen_messages", "rejected_messages", "tools"]),
    }),
  ],
});

export const llamaFactoryV1 = defineFormat<"demonstration">({
  title: "LLaMA-Factory v1 conversations (content parts, loss_weight)",
  kind: "demonstration",
  conversion: "content parts are joined; loss_weight 0 becomes weight 0",
  matches: (row) =>
    looksLikeMessages(row["messages"]) && row["messages"].some((turn) => "loss_weight" in turn),
  convert: (row, place) => [
    checked(Demonstration, {
      ...place,
      messages: readWeighted(row, "messages"),
      ...readCommon(row),
      ...extraColumns(row, ["messages", "tools"]),
    }),
  ],
});

export const llamaFactoryInfo = defineFormat({
  title: "LLaMA-Factory's dataset_info.json",
  kind: undefined,
  conversion: "a list of data sets, not data; give one of the files that it names, its entry is then applied",
  matches: (row) => {
    const entries = Object.values(row);
    return (
      entries.length > 0 &&
      entries.every(
        (entry) =>
          isObject(entry) &&
          ["file_name", "hf_hub_url", "ms_hub_url", "script_url"].some((name) => isText(entry[name])),
      )
    );
  },
});

export const orcaPairs = defineFormat<"preference">({
  title: "Orca DPO pairs (Intel): system, question, chosen, rejected",
  kind: "preference",
  conversion: "system and question become the prompt's messages; chosen and rejected the assistant's",
  matches: (row) => isText(row["question"]) && isText(row["chosen"]) && isText(row["rejected"]),
  convert: (row, place) => {
    const system = optionalText(row, "system");
    return [
      checked(Preference, {
        ...place,
        prompt: [
          ...(system ? [{ role: "system", content: system }] : []),
          { role: "user", content: needText(row, "question") },
        ],
        chosen: assistant(needText(row, "chosen")),
        rejected: assistant(needText(row, "rejected")),
        ...extraColumns(row, ["system", "question", "chosen", "rejected"]),
      }),
    ];
  },
});
