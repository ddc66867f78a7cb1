/**
 * A row of messages as the texts it stands for, as TRL's `apply_chat_template` gives them: for looking at rows, and for
 * prompts to generate from. Training goes by tokens (`tokenise-rows`), never by these texts.
 */
import type { ChatMessage } from "./chat-message.js";
import type { ChatTemplate, RenderOptions } from "./chat-template.js";
import { AttuneError } from "../errors.js";

type Messages = readonly ChatMessage[];

/** Columns that hold messages; every other column is passed through unchanged. */
export interface ConversationalRow {
  messages?: Messages;
  prompt?: Messages;
  completion?: Messages;
  chosen?: Messages;
  rejected?: Messages;
  [column: string]: unknown;
}

/**
 * `messages` become `text`; `prompt` and the answers after it become texts whose sum is the whole conversation. A
 * prompt that ends with an assistant's message is left open, to be continued.
 *
 * @throws AttuneError `data` when a prompt ends with a role that nobody answers (system); `tokenizer` when the template
 *   refuses.
 */
export function renderExample(
  template: ChatTemplate,
  row: ConversationalRow,
  options: RenderOptions = {},
): Record<string, unknown> {
  const { messages, prompt, completion, chosen, rejected, ...rest } = row;
  const answers = Object.entries({ completion, chosen, rejected }).filter(
    (entry): entry is [string, Messages] => entry[1] !== undefined,
  );
  const result: Record<string, unknown> = { ...rest };
  if (messages !== undefined) result["text"] = template.render(messages, options);
  if (prompt === undefined) {
    for (const [column, answer] of answers) result[column] = template.render(answer, options);
    return result;
  }
  const own = renderPrompt(template, prompt, options);
  const wholes = answers.map(([, answer]) => template.render([...prompt, ...answer], options));
  // A generation prompt may open a thought that the whole conversation does not have.
  const shared = wholes.reduce((length, whole) => Math.min(length, commonLength(own, whole)), own.length);
  result["prompt"] = own.slice(0, shared);
  answers.forEach(([column], i) => (result[column] = wholes[i]!.slice(shared)));
  return result;
}

/** The prompt as the model gets it: ending with the header of its turn, or with its own words to go on from. */
export function renderPrompt(template: ChatTemplate, prompt: Messages, options: RenderOptions = {}): string {
  const role = prompt.at(-1)?.role;
  if (role === "user" || role === "tool")
    return template.render(prompt, { ...options, addGenerationPrompt: true });
  if (role === "assistant") return template.render(prompt, { ...options, continueFinalMessage: true });
  throw new AttuneError("data", {
    where: template.name,
    expected: "a prompt that ends with a message of role user, tool or assistant",
    got: role === undefined ? "an empty prompt" : `role ${JSON.stringify(role)}`,
  });
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
