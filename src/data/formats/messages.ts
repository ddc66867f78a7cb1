/** Reads lists of turns in the spellings of the field as messages. Knows no whole format. */
import { Message, ToolSchema, type Text } from "../../records/index.js";
import { describe, isObject, isText, RowProblem, type Row } from "./format.js";

/** ShareGPT's speakers, and the roles that chat templates know. */
const roles: Readonly<Record<string, string>> = {
  human: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
  model: "assistant",
  observation: "tool",
  function_response: "tool",
};

/** A list whose elements look like turns: `{role, content}` or `{from, value}`. */
export function looksLikeMessages(value: unknown): value is readonly Row[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (each) =>
        isObject(each) &&
        ((isText(each["role"]) && ("content" in each || "tool_calls" in each)) ||
          (isText(each["from"]) && "value" in each)),
    )
  );
}

/** A text, or something that looks like messages (an empty list too). */
export function looksLikeText(value: unknown): boolean {
  return isText(value) || looksLikeMessages(value) || (Array.isArray(value) && value.length === 0);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RowProblem(`${where}: broken JSON: ${(cause as Error).message}`);
  }
}

/** Content as text: parts of type text are joined; other parts (images, sound) cannot be trained on. */
function readContent(content: unknown, where: string): string | null | undefined {
  if (content === null || content === undefined || isText(content)) return content;
  if (!Array.isArray(content)) throw new RowProblem(`${where}: expected a text, got ${describe(content)}`);
  const parts = content.map((part: unknown) => {
    if (isText(part)) return part;
    const text = isObject(part) ? (part["text"] ?? part["value"]) : undefined;
    if (isObject(part) && (part["type"] ?? "text") === "text" && isText(text)) return text;
    throw new RowProblem(
      `${where}: a part of type ${isObject(part) ? String(part["type"]) : describe(part)}; only text is supported`,
    );
  });
  return parts.join("");
}

/** A call as `{type, function: {name, arguments: object}}`; arguments given as JSON text are read. */
function readToolCall(call: unknown, where: string): unknown {
  if (!isObject(call)) throw new RowProblem(`${where}: expected an object, got ${describe(call)}`);
  const inner = isObject(call["function"]) ? call["function"] : call;
  let args: unknown = inner["arguments"] ?? inner["parameters"] ?? {};
  if (isText(args)) args = args.trim() === "" ? {} : parseJson(args, `${where}: arguments`);
  if (!isObject(args)) throw new RowProblem(`${where}: arguments: expected an object, got ${describe(args)}`);
  const name = inner["name"];
  if (!isText(name) || name === "")
    throw new RowProblem(`${where}: name: expected a text, got ${describe(name)}`);
  return {
    ...(isText(call["id"]) && { id: call["id"] }),
    type: "function",
    function: { name, arguments: args },
  };
}

function readMessage(raw: unknown, where: string): Message {
  if (!isObject(raw)) throw new RowProblem(`${where}: expected a message, got ${describe(raw)}`);
  const { from, value, role: ownRole, content, tool_calls: calls, function_call: oldCall, ...rest } = raw;
  const spoken = ownRole ?? from;
  if (!isText(spoken) || spoken === "")
    throw new RowProblem(`${where}: role: expected a text, got ${describe(spoken)}`);
  const body = content === undefined ? value : content;
  const others = Object.fromEntries(
    Object.entries(rest).filter(([, each]) => each !== null && each !== undefined),
  );
  if (spoken === "function_call") {
    const text = readContent(body, where) ?? "";
    const parsed = parseJson(text, `${where}: function call`);
    const list: unknown[] = Array.isArray(parsed) ? parsed : [parsed];
    return {
      role: "assistant",
      tool_calls: list.map((call) => readToolCall(call, where)) as Message["tool_calls"],
      ...others,
    };
  }
  const list = [...(Array.isArray(calls) ? calls : []), ...(isObject(oldCall) ? [oldCall] : [])];
  const text = readContent(body, where);
  if (text === undefined && list.length === 0)
    throw new RowProblem(`${where}: the message has neither content nor tool calls`);
  return {
    role: roles[spoken] ?? spoken,
    // Null beside a tool call is kept out, as transformers does before it renders.
    ...(text !== null && text !== undefined && { content: text }),
    ...(text === null && list.length === 0 && { content: "" }),
    ...(list.length > 0 && {
      tool_calls: list.map((call) => readToolCall(call, where)) as Message["tool_calls"],
    }),
    ...others,
  };
}

/** Messages of a list of turns in any known spelling. Throws RowProblem naming the turn. */
export function readMessages(value: unknown, where: string): Message[] {
  if (!Array.isArray(value))
    throw new RowProblem(`\`${where}\`: expected a list of messages, got ${describe(value)}`);
  return value.map((each: unknown, index) => readMessage(each, `\`${where}\`[${index}]`));
}

/** A text as it is, or a list of turns as messages. */
export function readText(value: unknown, where: string): Text {
  if (isText(value)) return value;
  if (Array.isArray(value)) return readMessages(value, where);
  throw new RowProblem(`column \`${where}\`: expected a text or a list of messages, got ${describe(value)}`);
}

/** Tool descriptions from a list or its JSON text, each wrapped as `{type: "function", function}`. */
export function readTools(value: unknown): { tools?: ToolSchema[] } {
  if (value === undefined || value === null || value === "") return {};
  const list = isText(value) ? parseJson(value, "`tools`") : value;
  if (!Array.isArray(list)) throw new RowProblem(`\`tools\`: expected a list, got ${describe(list)}`);
  if (list.length === 0) return {};
  const tools = list.map((tool: unknown, index) => {
    const wrapped =
      isObject(tool) && isObject(tool["function"])
        ? { type: "function", ...tool }
        : { type: "function", function: tool };
    const result = ToolSchema.safeParse(wrapped);
    if (result.success) return result.data;
    throw new RowProblem(
      `\`tools\`[${index}]: expected {type, function: {name, description, parameters}}, got ${describe(tool)}`,
    );
  });
  return { tools };
}

/** The optional columns that any conversational row may have. */
export function readCommon(row: Row): {
  tools?: ToolSchema[];
  chat_template_kwargs?: Record<string, unknown>;
} {
  const kwargs = row["chat_template_kwargs"];
  const parsed = isText(kwargs) && kwargs !== "" ? parseJson(kwargs, "`chat_template_kwargs`") : kwargs;
  return { ...readTools(row["tools"]), ...(isObject(parsed) && { chat_template_kwargs: { ...parsed } }) };
}
