/**
 * Rows of text or messages to token ids with the trained part marked: prompt and completion, preference, messages,
 * text. By TRL's rules, so that the same row gives the same ids. Knows no files, batches or truncation.
 *
 * The boundary: the prompt is tokenised alone and with each completion; the prompt ends where the first of them
 * differs. Where that is before the prompt's own end, the row carries a `PrefixBreak`.
 */
import { AttuneError } from "../errors.js";
import { assistantSpans, maskOfSpans } from "./assistant-spans.js";
import type { ChatMessage } from "./chat-message.js";
import { chatTemplateOf, type ChatChoice } from "./chat-template-of.js";
import type { ChatTemplate } from "./chat-template.js";
import { endOfTurn } from "./end-of-turn.js";
import { findPrefixBreak, type PrefixBreak } from "./prefix-check.js";
import type { Tokenizer } from "./tokenizer.js";

export interface TokenisedCompletion {
  tokens: number[];
  /** 1 where the token is trained; absent: all of them are. As long as `tokens`. */
  mask?: number[];
}

/** A row ready for batching: what is read only, and the completions that go on from it. */
export interface TokenisedRow {
  prompt: number[];
  completions: TokenisedCompletion[];
  /** Where the prompt's own tokens were not kept; one for each completion that broke them. */
  prefixBreaks: PrefixBreak[];
}

export interface TokeniseOptions extends ChatChoice {
  /** Names the row in errors: `train.jsonl:17`. Default "row". */
  where?: string;
  /** Put the eos token after plain text that does not end with it; conversations end as their template says. Default true. */
  appendEos?: boolean;
  /** Train the assistant's turns only. Default true for `tokenizeMessages`, false elsewhere (all of the completion). */
  assistantOnly?: boolean;
}

/** A text, or the messages of a conversation. */
export type Content = string | readonly ChatMessage[];

/**
 * One prompt and one completion, both text or both messages.
 *
 * @throws AttuneError `tokenizer` when the template refuses, `data` when no token of the completion is trained.
 */
export async function tokenizePromptCompletion(
  tokenizer: Tokenizer,
  row: { prompt: Content; completion: Content },
  options: TokeniseOptions = {},
): Promise<TokenisedRow> {
  return tokenizeCompletions(tokenizer, { prompt: row.prompt, completions: [row.completion] }, options);
}

/** A preference: completions are chosen, rejected. Both go on from the same prompt tokens. */
export async function tokenizePreference(
  tokenizer: Tokenizer,
  row: { prompt: Content; chosen: Content; rejected: Content },
  options: TokeniseOptions = {},
): Promise<TokenisedRow> {
  return tokenizeCompletions(
    tokenizer,
    { prompt: row.prompt, completions: [row.chosen, row.rejected] },
    options,
  );
}

/** A prompt and any number of completions (a ranked list, the samples of a group), in their order. */
export async function tokenizeCompletions(
  tokenizer: Tokenizer,
  row: { prompt: Content; completions: readonly Content[] },
  options: TokeniseOptions = {},
): Promise<TokenisedRow> {
  const { where = "row", assistantOnly = false } = options;
  const { prompt, completions } = row;
  const conversational = typeof prompt !== "string";
  if (completions.some((completion) => (typeof completion !== "string") !== conversational)) {
    throw new AttuneError("data", {
      where,
      expected: "prompt and completions that are all text or all messages",
      got: conversational
        ? "a prompt of messages and a completion of text"
        : "a prompt of text and a completion of messages",
    });
  }
  const encoded = conversational
    ? await encodeChat(tokenizer, { prompt, completions: completions as ChatMessage[][] }, options)
    : await encodeText(tokenizer, { prompt, completions: completions as string[] }, options);
  const [own, ...wholes] = encoded.map((each) => each.ids) as [number[], ...number[][]];
  const boundary = Math.min(...wholes.map((whole) => commonPrefix(own, whole)));
  const result: TokenisedRow = {
    prompt: own.slice(0, boundary),
    completions: encoded.slice(1).map(({ ids, mask }) => {
      const tokens = ids.slice(boundary);
      return mask === undefined ? { tokens } : { tokens, mask: mask.slice(boundary) };
    }),
    prefixBreaks: wholes.flatMap((whole, completion) => findPrefixBreak(own, whole, completion) ?? []),
  };
  result.completions.forEach(({ tokens, mask }, i) => {
    if (mask === undefined ? tokens.length > 0 : mask.includes(1)) return;
    throw nothingTrained(
      `${where}, completion ${i + 1}`,
      assistantOnly ? "no assistant text" : "an empty completion",
    );
  });
  return result;
}

/**
 * A conversation. `prompt` holds the tokens before the first trained one.
 *
 * @throws AttuneError `tokenizer` when the template refuses, `data` when it holds no assistant text to train.
 */
export async function tokenizeMessages(
  tokenizer: Tokenizer,
  row: { messages: readonly ChatMessage[] },
  options: TokeniseOptions = {},
): Promise<TokenisedRow> {
  const { where = "row", assistantOnly = true } = options;
  const template = chatTemplateOf(tokenizer, options);
  if (!assistantOnly) {
    const text = template.render(row.messages, options);
    const tokens = await tokenizer.encode(text, { addSpecialTokens: false });
    return { prompt: [], completions: [{ tokens }], prefixBreaks: [] };
  }
  const { ids, mask } = await encodeMasked(tokenizer, { template, messages: row.messages }, options);
  const first = mask.indexOf(1);
  if (first < 0) {
    const roles = row.messages.map((message) => message.role).join(", ");
    throw nothingTrained(where, `roles ${roles || "none"}`);
  }
  return {
    prompt: ids.slice(0, first),
    completions: [{ tokens: ids.slice(first), mask: mask.slice(first) }],
    prefixBreaks: [],
  };
}

/** Plain text for language modelling: every token is trained. */
export async function tokenizeText(
  tokenizer: Tokenizer,
  row: { text: string },
  options: TokeniseOptions = {},
): Promise<TokenisedRow> {
  const tokens = await tokenizer.encode(withEos(tokenizer, row.text, options));
  if (tokens.length === 0) throw nothingTrained(options.where ?? "row", "an empty text");
  return { prompt: [], completions: [{ tokens }], prefixBreaks: [] };
}

/**
 * Applies one of the functions above to every row, many at a time; a row that fails gives its error in its place, for
 * the quarantine, and holds up none of the others.
 */
export async function tokenizeRows<Row>(
  rows: readonly Row[],
  tokenizeOne: (row: Row, index: number) => Promise<TokenisedRow>,
): Promise<(TokenisedRow | AttuneError)[]> {
  const results: (TokenisedRow | AttuneError)[] = [];
  for (let start = 0; start < rows.length; start += AT_A_TIME) {
    const slice = rows.slice(start, start + AT_A_TIME);
    const settled = slice.map((row, i) =>
      tokenizeOne(row, start + i).catch((error: unknown) => {
        if (error instanceof AttuneError) return error;
        throw error;
      }),
    );
    results.push(...(await Promise.all(settled)));
  }
  return results;
}

/** Enough to keep the binding's threads busy, few enough to keep its memory small. */
const AT_A_TIME = 128;

interface Encoded {
  ids: number[];
  mask?: number[];
}

async function encodeText(
  tokenizer: Tokenizer,
  row: { prompt: string; completions: readonly string[] },
  options: TokeniseOptions,
): Promise<Encoded[]> {
  const wholes = row.completions.map((completion) => row.prompt + withEos(tokenizer, completion, options));
  return (await tokenizer.encodeBatch([row.prompt, ...wholes])).map((ids) => ({ ids }));
}

async function encodeChat(
  tokenizer: Tokenizer,
  row: { prompt: readonly ChatMessage[]; completions: readonly (readonly ChatMessage[])[] },
  options: TokeniseOptions,
): Promise<Encoded[]> {
  const template = chatTemplateOf(tokenizer, options);
  const prompt = template.render(row.prompt, { ...options, addGenerationPrompt: true });
  const wholes = row.completions.map((completion) => [...row.prompt, ...completion]);
  if (options.assistantOnly !== true) {
    const texts = [prompt, ...wholes.map((messages) => template.render(messages, options))];
    return (await tokenizer.encodeBatch(texts, { addSpecialTokens: false })).map((ids) => ({ ids }));
  }
  const own = { ids: await tokenizer.encode(prompt, { addSpecialTokens: false }) };
  const masked = wholes.map((messages) => encodeMasked(tokenizer, { template, messages }, options));
  return [own, ...(await Promise.all(masked))];
}

async function encodeMasked(
  tokenizer: Tokenizer,
  row: { template: ChatTemplate; messages: readonly ChatMessage[] },
  options: TokeniseOptions,
): Promise<{ ids: number[]; mask: number[] }> {
  const { template, messages } = row;
  const terminator = template.marksGeneration ? "" : (await endOfTurn(tokenizer, template)).text;
  const { text, spans } = assistantSpans(template, { messages, terminator }, options);
  const { ids, offsets } = await tokenizer.encodeWithOffsets(text, {
    addSpecialTokens: false,
    exactOffsets: true,
  });
  return { ids, mask: maskOfSpans(offsets, spans) };
}

function withEos(tokenizer: Tokenizer, text: string, options: TokeniseOptions): string {
  const { appendEos = true } = options;
  const eos = tokenizer.eosToken;
  return !appendEos || eos === undefined || text.endsWith(eos) ? text : text + eos;
}

function commonPrefix(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function nothingTrained(where: string, got: string): AttuneError {
  return new AttuneError("data", { where, expected: "at least one token to train", got });
}
