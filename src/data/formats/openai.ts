/** OpenAI's fine-tuning files: preference (both spellings) and chat. */
import { Demonstration, Preference } from "../../records/index.js";
import {
  checked,
  defineFormat,
  extraColumns,
  isObject,
  needList,
  needObject,
  RowProblem,
  type Row,
} from "./format.js";
import { looksLikeMessages, readMessages, readTools } from "./messages.js";

const preferred = ["preferred_output", "preferred_completion"];
const others = ["non_preferred_output", "non_preferred_completion"];

const spelling = (row: Row, names: readonly string[]): string =>
  names.find((name) => row[name] !== undefined) ?? (names[0] as string);

function readOutput(row: Row, name: string): Preference["chosen"] {
  const list = readMessages(needList(row, name), name);
  if (list.length !== 1 || list[0]?.role !== "assistant") {
    throw new RowProblem(
      `column \`${name}\`: expected exactly one assistant message, got ${list.length} messages`,
    );
  }
  return list;
}

export const openaiPreference = defineFormat<"preference">({
  title: "OpenAI preference (DPO)",
  kind: "preference",
  conversion: "input.messages becomes the prompt; arguments of tool calls are read from their JSON text",
  matches: (row) =>
    isObject(row["input"]) &&
    preferred.some((name) => row[name] !== undefined) &&
    others.some((name) => row[name] !== undefined),
  convert: (row, place) => {
    const input = needObject(row, "input");
    const [chosen, rejected] = [spelling(row, preferred), spelling(row, others)];
    return [
      checked(Preference, {
        ...place,
        prompt: readMessages(needList(input, "messages"), "input.messages"),
        chosen: readOutput(row, chosen),
        rejected: readOutput(row, rejected),
        ...readTools(input["tools"]),
        ...extraColumns(row, ["input", chosen, rejected]),
      }),
    ];
  },
});

/** Signs that only OpenAI's files carry: weights, parallel_tool_calls, arguments as JSON text. */
function hasOpenaiSigns(row: Row): boolean {
  if ("parallel_tool_calls" in row || "functions" in row) return true;
  const messages = row["messages"] as readonly Row[];
  return messages.some((message) => {
    const calls = message["tool_calls"];
    const first: unknown = Array.isArray(calls) ? calls[0] : undefined;
    const fn = isObject(first) ? first["function"] : undefined;
    return "weight" in message || (isObject(fn) && typeof fn["arguments"] === "string");
  });
}

export const openaiChat = defineFormat<"demonstration">({
  title: "OpenAI chat fine-tuning",
  kind: "demonstration",
  conversion:
    "arguments of tool calls are read from their JSON text; `functions` become tools; a message's weight is kept",
  matches: (row) => looksLikeMessages(row["messages"]) && hasOpenaiSigns(row),
  convert: (row, place) => {
    const messages = readMessages(needList(row, "messages"), "messages");
    messages.forEach(({ role, ["weight"]: weight }, index) => {
      if (weight === undefined) return;
      if (role !== "assistant" || (weight !== 0 && weight !== 1)) {
        throw new RowProblem(`\`messages\`[${index}].weight: expected 0 or 1 on an assistant message`);
      }
    });
    return [
      checked(Demonstration, {
        ...place,
        messages,
        ...readTools(row["tools"] ?? row["functions"]),
        ...extraColumns(row, ["messages", "tools", "functions", "parallel_tool_calls"]),
      }),
    ];
  },
});
