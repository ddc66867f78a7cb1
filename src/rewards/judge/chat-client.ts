/**
 * Asks a language model behind an OpenAI-compatible endpoint: messages in, the reply's text out. Knows no judge.
 *
 *   POST url/chat/completions  {"model", "messages", "temperature", "max_tokens"}  ->  choices[0].message.content
 */
import { AttuneError } from "../../errors.js";
import { checkAddress, postJson } from "../post-json.js";

export interface ChatTurn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatClientOptions {
  /** Of the API, up to `/v1`. */
  readonly url: string;
  /** As the server names it. */
  readonly model: string;
  /** Sent as a bearer token; never written anywhere. Default: none. */
  readonly apiKey?: string;
  /** Default 0: the same question gives the same verdict, as far as the server keeps to it. */
  readonly temperature?: number;
  /** Most tokens of a reply. Default 512. */
  readonly maxTokens?: number;
  /** Seconds that one attempt may take. Default 60. */
  readonly timeoutSeconds?: number;
  /** Attempts after the first. Default 4 (as `httpReward`). */
  readonly retries?: number;
  /** Seconds before the second attempt; each wait is twice the last, at most 30, or what the server asks for. Default 1. */
  readonly retryDelaySeconds?: number;
  /** Questions asked at the same time. Default 8. */
  readonly concurrency?: number;
}

export interface ChatClient {
  /** What decides a reply besides the messages: part of the key of cached verdicts. No secrets. */
  readonly fingerprint: string;
  readonly concurrency: number;
  /** Throws `network` when the server stays away or refuses, `data` for a reply without text. */
  ask(turns: readonly ChatTurn[], o: { signal: AbortSignal; where: string }): Promise<string>;
}

/** @throws AttuneError `config` for an address that is none or a number out of range */
export function chatClient(o: ChatClientOptions): ChatClient {
  const where = `judge ${o.model}`;
  checkAddress(where, o.url);
  const { temperature = 0, maxTokens = 512, timeoutSeconds = 60, retries = 4, concurrency = 8 } = o;
  if (!(temperature >= 0 && maxTokens >= 1 && timeoutSeconds > 0 && retries >= 0 && concurrency >= 1)) {
    throw new AttuneError("config", {
      where,
      expected: "temperature and retries >= 0, maxTokens and concurrency >= 1, timeoutSeconds > 0",
      got: JSON.stringify({ temperature, maxTokens, timeoutSeconds, retries, concurrency }),
    });
  }
  const url = `${o.url.replace(/\/+$/, "")}/chat/completions`;
  return {
    fingerprint: JSON.stringify([url, o.model, temperature, maxTokens]),
    concurrency,
    async ask(messages, { signal, where: row }) {
      const answer = await postJson(
        url,
        { model: o.model, messages, temperature, max_tokens: maxTokens },
        {
          timeoutSeconds,
          retries,
          retryDelaySeconds: o.retryDelaySeconds ?? 1,
          headers: o.apiKey === undefined ? undefined : { authorization: `Bearer ${o.apiKey}` },
          signal,
          where: row,
          expected: "a verdict",
        },
      );
      const text = (answer as { choices?: { message?: { content?: unknown } }[] } | null)?.choices?.[0]
        ?.message?.content;
      if (typeof text === "string") return text;
      throw new AttuneError("data", {
        where: row,
        expected: `a chat completion from ${url}`,
        got: JSON.stringify(answer).slice(0, 80),
      });
    },
  };
}
