/** Chooses the chat template of a tokenizer, as transformers does, and parses each only once. */
import { AttuneError } from "../errors.js";
import { ChatTemplate, type RenderOptions } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";

/** Which template, and what it is given besides the messages. */
export interface ChatChoice extends Pick<
  RenderOptions,
  "tools" | "documents" | "variables" | "parseToolArguments" | "now"
> {
  /** A template to use instead of the tokenizer's own. */
  template?: ChatTemplate;
}

const parsed = new WeakMap<Tokenizer, Map<string, ChatTemplate>>();

/**
 * The template named `tool_use` where there are tools and one of that name, else `default`.
 *
 * @throws AttuneError `tokenizer` when the tokenizer has no chat template.
 */
export function chatTemplateOf(tokenizer: Tokenizer, choice: ChatChoice = {}): ChatTemplate {
  if (choice.template !== undefined) return choice.template;
  const { chatTemplates } = tokenizer;
  const name = choice.tools !== undefined && chatTemplates.has("tool_use") ? "tool_use" : "default";
  const source = chatTemplates.get(name);
  if (source === undefined) {
    throw new AttuneError("tokenizer", {
      where: tokenizer.where,
      expected: "a chat template, because the rows are conversations",
      got:
        chatTemplates.size === 0
          ? "a tokenizer without one"
          : `only templates named ${[...chatTemplates.keys()].join(", ")}`,
      fix: "put a chat_template.jinja into the model folder, or give one in the configuration",
    });
  }
  let templates = parsed.get(tokenizer);
  if (templates === undefined) parsed.set(tokenizer, (templates = new Map()));
  let template = templates.get(name);
  if (template === undefined) {
    const where = `${tokenizer.where}: chat template${name === "default" ? "" : ` ${name}`}`;
    template = new ChatTemplate(source, { name: where, variables: tokenizer.templateVariables });
    templates.set(name, template);
  }
  return template;
}
