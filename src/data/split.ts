/**
 * Splits by a seeded hash of the prompt: no prompt is on two sides, the same seed gives the same split in any order,
 * and nothing has to be kept in memory. Knows no files.
 */
import { AttuneError } from "../errors.js";
import type { Text } from "../records/index.js";
import { sha256 } from "../util/files.js";
import type { AnyRecord } from "./convert-kind.js";
import { shortHash } from "./short-hash.js";

export interface SplitOptions {
  /** Shares by name, in order, adding up to 1; default train 0.9, test 0.1. */
  shares?: Readonly<Record<string, number>>;
  /** Default 42. */
  seed?: number;
}

/** A prompt as a key: a text and a single user message of that text are the same prompt. */
function textKey(prompt: Text): string {
  if (typeof prompt === "string") return prompt.trim();
  const [only] = prompt;
  if (prompt.length === 1 && only?.role === "user" && typeof only.content === "string")
    return only.content.trim();
  return JSON.stringify(
    prompt.map(({ role, content, tool_calls }) => [role, content ?? null, tool_calls ?? null]),
  );
}

/**
 * What of a record must not be on two sides: the prompt; a conversation's start up to its first answer; a
 * trajectory's task; a text itself.
 */
export function promptKey(record: AnyRecord): string {
  if ("prompt" in record) return textKey(record.prompt);
  if ("text" in record) return record.text;
  if ("task" in record) return record.task;
  const answer = record.messages.findIndex((message) => message.role === "assistant");
  return textKey(record.messages.slice(0, answer));
}

/** `promptKey` as a number (52 bits of its hash), for those who keep millions of them. */
export const promptHash = (record: AnyRecord): number => shortHash(promptKey(record));

/** The split of a prompt. Throws `config` when the shares do not add up to 1. */
export function splitOfPrompt(key: string, options: SplitOptions = {}): string {
  return splitOfHash(shortHash(key), options);
}

/** The split of a prompt of which only `promptHash` is known. */
export function splitOfHash(
  hash: number,
  { shares = { train: 0.9, test: 0.1 }, seed = 42 }: SplitOptions = {},
): string {
  const names = Object.keys(shares);
  const total = Object.values(shares).reduce((sum, share) => sum + share, 0);
  if (
    names.length === 0 ||
    Math.abs(total - 1) > 1e-9 ||
    Object.values(shares).some((share) => !(share >= 0))
  ) {
    throw new AttuneError("config", {
      where: "split: shares",
      expected: "numbers from 0 that add up to 1",
      got: JSON.stringify(shares),
    });
  }
  // 48 bits of the hash as a number in [0, 1).
  const place = Number.parseInt(sha256(`${seed}\u0000${hash}`).slice(0, 12), 16) / 2 ** 48;
  let edge = 0;
  for (const name of names) {
    edge += shares[name] as number;
    if (place < edge) return name;
  }
  return names.findLast((name) => (shares[name] as number) > 0) as string;
}

/** The records of one split, streaming. */
export async function* takeSplit<R extends AnyRecord>(
  records: AsyncIterable<R> | Iterable<R>,
  { name, ...options }: SplitOptions & { name: string },
): AsyncGenerator<R> {
  for await (const record of records) if (splitOfHash(promptHash(record), options) === name) yield record;
}
