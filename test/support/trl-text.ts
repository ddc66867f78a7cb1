/** The golden rows of TRL's trainers, and our own tokens of them: shared by the tests of text and of batches. */
import { describe } from "vitest";
import {
  loadTokenizer,
  tokenizeMessages,
  tokenizePromptCompletion,
  tokenizeText,
  type ChatMessage,
  type Content,
  type TokenisedRow,
  type Tokenizer,
} from "../../src/text/index.js";
import { data, golden, missing, readJson } from "./shared.js";

export type Row = Record<string, unknown>;
export interface Case {
  name: string;
  inputs: { rows: Row[] } & Row;
  options: {
    chat_template?: string;
    added_special_tokens?: string[];
    max_length?: number | null;
    truncation_mode?: string;
    completion_only_loss?: boolean | null;
    assistant_only_loss?: boolean;
    packing?: boolean;
    packing_strategy?: "bfd" | "bfd_split" | "wrapped";
    per_device_train_batch_size?: number;
  };
  expected: { output?: { rows: (Row & { row: number })[] } & Row; error?: string };
}
export interface GoldenFile {
  tokenizer: string;
  special_tokens: Record<"bos" | "eos" | "pad", string>;
  chat_templates: Record<string, string>;
  cases: Case[];
}

const loaded = new Map<string, Promise<Tokenizer>>();

export function tokenizerFor(file: GoldenFile, options: Case["options"]): Promise<Tokenizer> {
  const key = JSON.stringify([file.tokenizer, options.chat_template, options.added_special_tokens]);
  const known = loaded.get(key) ?? makeTokenizer(file, options);
  loaded.set(key, known);
  return known;
}

async function makeTokenizer(file: GoldenFile, options: Case["options"]): Promise<Tokenizer> {
  const json = readJson<object>(data(...file.tokenizer.split("/")));
  const { bos, eos, pad } = file.special_tokens;
  const template = options.chat_template;
  return loadTokenizer(
    {
      tokenizerJson: json,
      tokenizerConfig: { bos_token: bos, eos_token: eos, pad_token: pad },
      ...(typeof template === "string" ? { chatTemplate: file.chat_templates[template] } : {}),
    },
    { addedSpecialTokens: options.added_special_tokens ?? [] },
  );
}

/** The tokens of a row as SFT takes it. */
export function sft(tokenizer: Tokenizer, row: Row, options: Case["options"]): Promise<TokenisedRow> {
  const assistantOnly = options.assistant_only_loss === true;
  if (typeof row["text"] === "string") return tokenizeText(tokenizer, { text: row["text"] });
  if ("messages" in row) {
    return tokenizeMessages(tokenizer, { messages: row["messages"] as ChatMessage[] }, { assistantOnly });
  }
  const { prompt, completion } = row as { prompt: Content; completion: Content };
  if (assistantOnly && options.completion_only_loss === false) {
    // Every assistant turn, those of the prompt too: that is a conversation.
    return tokenizeMessages(tokenizer, {
      messages: [...(prompt as ChatMessage[]), ...(completion as ChatMessage[])],
    });
  }
  return tokenizePromptCompletion(tokenizer, { prompt, completion }, { assistantOnly });
}

/** Runs `body` on a golden file, or says why not. */
export function goldenFile(name: string, body: (file: GoldenFile) => void): void {
  const path = golden("text", name);
  const why = missing(path) ?? missing(data("tokenizers"));
  describe.skipIf(why !== undefined)(`${name}${why === undefined ? "" : ` (skipped: ${why})`}`, () => {
    if (why === undefined) body(readJson<GoldenFile>(path));
  });
}

/** `unpair_preference_dataset`: every chosen answer, then every rejected one. */
export function unpaired(rows: Row[]): { prompt: Content; completion: Content }[] {
  if ("completion" in rows[0]!) return rows as { prompt: Content; completion: Content }[];
  const pairs = rows.map(explicit);
  return [
    ...pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
    ...pairs.map(({ prompt, rejected }) => ({ prompt, completion: rejected })),
  ];
}

/** A pair with its prompt; the implicit prompts of these files are whole words or messages that both answers share. */
export function explicit(row: Row): { prompt: Content; chosen: Content; rejected: Content } {
  if ("prompt" in row) return row as { prompt: Content; chosen: Content; rejected: Content };
  const { chosen, rejected } = row as { chosen: string | ChatMessage[]; rejected: string | ChatMessage[] };
  let same = 0;
  while (same < chosen.length && JSON.stringify(chosen[same]) === JSON.stringify(rejected[same])) same++;
  if (typeof chosen === "string" && chosen[same - 1] === " ") same--;
  const cut = <T extends Content>(value: T): T => value.slice(same) as T;
  return { prompt: chosen.slice(0, same), chosen: cut(chosen), rejected: cut(rejected) };
}
