/** A message as annotators may see it: the fields that the page shows, no other. A column such as `model` would tell who wrote it. */
import type { Message } from "../records/index.js";

const kept = ["content", "tool_call_id", "reasoning_content", "thinking", "error", "is_error"] as const;

export function shownMessage(message: Message): Message {
  const { role, name, tool_calls: calls } = message;
  return {
    role,
    ...Object.fromEntries(kept.flatMap((field) => (message[field] == null ? [] : [[field, message[field]]]))),
    // An assistant's name may be its model's.
    ...(name !== undefined && role !== "assistant" && { name }),
    ...(calls !== undefined && {
      tool_calls: calls.map(({ id, type, function: { name, arguments: given } }) => ({
        ...(id !== undefined && { id }),
        type,
        function: { name, arguments: given },
      })),
    }),
  };
}
