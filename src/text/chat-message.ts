/** The messages that a chat template takes, and how transformers tidies them; knows no template. */

export interface ContentPart {
  /** `text`, or what a model with other senses knows. */
  type: string;
  text?: string;
  [field: string]: unknown;
}

export interface ToolCall {
  id?: string;
  type?: string;
  /** `arguments` as an object, or as JSON text (the OpenAI API's form). */
  function?: { name: string; arguments?: unknown; [field: string]: unknown };
  [field: string]: unknown;
}

export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool`, or whatever else the template knows. */
  role: string;
  content?: string | ContentPart[] | null;
  tool_calls?: ToolCall[] | null;
  [field: string]: unknown;
}

/** Leaves out fields that are null, unless told to keep them, and reads tool-call arguments when told to. */
export function normaliseMessages(
  messages: readonly ChatMessage[],
  options: { keepNull?: boolean; parseToolArguments?: boolean } = {},
): ChatMessage[] {
  const { keepNull = false, parseToolArguments = false } = options;
  return messages.map((message) => {
    const fields = Object.entries(message).filter(
      ([, value]) => value !== undefined && (keepNull || value !== null),
    );
    const tidy = Object.fromEntries(fields) as ChatMessage;
    if (parseToolArguments && Array.isArray(tidy.tool_calls))
      tidy.tool_calls = tidy.tool_calls.map(readArguments);
    return tidy;
  });
}

function readArguments(call: ToolCall): ToolCall {
  const text = call.function?.arguments;
  if (call.function === undefined || typeof text !== "string") return call;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { ...call, function: { ...call.function, arguments: value } } : call;
  } catch {
    return call; // broken JSON is what the model really said: keep it as it is
  }
}
