/** Prompts of an online run: as tokens, and in which order they are asked. Knows no answers. */
import { AttuneError } from "../../errors.js";
import type { Text } from "../../records/index.js";
import {
  chatTemplateOf,
  type ChatMessage,
  renderPrompt,
  stopTokenIds,
  tokenizeCompletions,
  type Tokenizer,
} from "../../text/index.js";
import { createRandom } from "../../util/random.js";

/** What is asked. */
export interface OnlinePrompt {
  readonly id: string;
  readonly prompt: Text;
  /** A demonstration, for methods that learn from one (SPIN); text or messages as the prompt is. */
  readonly answer?: Text;
  /** Further columns for rewards: the right answer, a category. */
  readonly columns?: Readonly<Record<string, unknown>>;
}

export interface PromptRow extends OnlinePrompt {
  readonly tokens: readonly number[];
  readonly answerTokens?: readonly number[];
}

export interface EncodedPrompts {
  readonly rows: readonly PromptRow[];
  /** Ids of prompts left out because no room is left for an answer. */
  readonly tooLong: readonly string[];
  readonly stopTokens: readonly number[];
}

/**
 * @param options `room`: most tokens of a prompt; `answers`: every prompt needs its demonstration
 * @throws AttuneError `data` when no prompt is left, two have one id, or a demonstration is missing
 */
export async function encodePrompts(
  tokenizer: Tokenizer,
  prompts: readonly OnlinePrompt[],
  { room, answers = false }: { room: number; answers?: boolean },
): Promise<EncodedPrompts> {
  const template = tokenizer.chatTemplates.has("default") ? chatTemplateOf(tokenizer) : undefined;
  const ids = new Set<string>();
  const rows: PromptRow[] = [];
  const tooLong: string[] = [];
  for (const each of prompts) {
    if (ids.has(each.id)) {
      throw new AttuneError("data", { where: `prompt ${each.id}`, expected: "an id of its own", got: "two" });
    }
    ids.add(each.id);
    const row = answers ? await withAnswer(tokenizer, each) : await promptAlone(tokenizer, each, template);
    if (row.tokens.length === 0 || row.tokens.length > room) tooLong.push(each.id);
    else rows.push(row);
  }
  if (rows.length === 0) {
    throw new AttuneError("data", {
      where: "prompts",
      expected: `at least one of 1 to ${room} tokens`,
      got: `none of ${prompts.length}`,
      fix: "shorten the prompts, or lower max_completion_length: both share the model's context",
    });
  }
  return { rows, tooLong, stopTokens: await stopTokenIds(tokenizer, template) };
}

type Template = ReturnType<typeof chatTemplateOf>;

async function promptAlone(
  tokenizer: Tokenizer,
  each: OnlinePrompt,
  template: Template | undefined,
): Promise<PromptRow> {
  if (typeof each.prompt === "string") return { ...each, tokens: await tokenizer.encode(each.prompt) };
  if (template === undefined) {
    throw new AttuneError("tokenizer", {
      where: tokenizer.where,
      expected: "a chat template, because prompts are messages",
      got: "a tokenizer without one",
      fix: "give prompts as plain texts",
    });
  }
  const text = renderPrompt(template, each.prompt as readonly ChatMessage[]);
  return { ...each, tokens: await tokenizer.encode(text, { addSpecialTokens: false }) };
}

async function withAnswer(tokenizer: Tokenizer, each: OnlinePrompt): Promise<PromptRow> {
  const where = `prompt ${each.id}`;
  if (each.answer === undefined) {
    throw new AttuneError("data", { where, expected: "a demonstration (`answer`)", got: "none" });
  }
  const row = { prompt: each.prompt as string, completions: [each.answer as string] };
  const { prompt, completions } = await tokenizeCompletions(tokenizer, row, { where });
  return { ...each, tokens: prompt, answerTokens: completions[0]!.tokens };
}

/** The `n`-th stretch of `count` prompts of an endless walk: every pass has all of them once, in an order of its own. */
export function promptsAt(
  rows: readonly PromptRow[],
  { start, count, seed }: { start: number; count: number; seed: number },
): PromptRow[] {
  const orders = new Map<number, PromptRow[]>();
  const passOf = (pass: number): PromptRow[] => {
    const known = orders.get(pass);
    if (known) return known;
    const made = createRandom(seed, { stream: `prompts/${pass}` }).shuffle([...rows]);
    orders.set(pass, made);
    return made;
  };
  return Array.from({ length: count }, (_, i) => {
    const at = start + i;
    return passOf(Math.floor(at / rows.length))[at % rows.length]!;
  });
}
