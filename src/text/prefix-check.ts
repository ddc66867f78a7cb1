/**
 * The prefix check: the prompt's own tokens must stand unchanged at the start of prompt and completion, or the model
 * is trained on a prompt that it never sees when it generates. Knows ids; asks the tokenizer only for words to show.
 */
import { AttuneError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

export interface PrefixBreak {
  /** Which completion of the row broke it. */
  completion: number;
  /** Index of the first token that differs. */
  at: number;
  /** The prompt's tokens from there on, as tokenised alone. */
  alone: number[];
  /** What stands in their place (up to four tokens more) when the completion follows. */
  together: number[];
}

export function findPrefixBreak(
  alone: readonly number[],
  together: readonly number[],
  completion: number,
): PrefixBreak | undefined {
  const at = alone.findIndex((id, i) => together[i] !== id);
  if (at < 0) return undefined;
  return { completion, at, alone: alone.slice(at), together: together.slice(at, alone.length + 4) };
}

/** `token 17: the prompt alone has "Ġ" (209), with the completion it is "Ġice" (4231)`. */
export function describePrefixBreak(tokenizer: Tokenizer, found: PrefixBreak): string {
  const show = (ids: readonly number[]): string =>
    ids.length === 0
      ? "nothing"
      : ids.map((id) => `${JSON.stringify(tokenizer.idToToken(id) ?? "?")} (${id})`).join(" ");
  return `token ${found.at + 1}: the prompt alone has ${show(found.alone)}, with the completion it is ${show(found.together)}`;
}

/**
 * Refuses a row whose prompt did not keep its tokens.
 *
 * @throws AttuneError `invariant` with the tokens that differ.
 */
export function requirePrefix(
  row: { prefixBreaks: readonly PrefixBreak[] },
  options: { tokenizer: Tokenizer; where: string },
): void {
  const found = row.prefixBreaks[0];
  if (found === undefined) return;
  throw new AttuneError("invariant", {
    where: options.where,
    expected: "the prompt's tokens to be the start of prompt and completion",
    got: describePrefixBreak(options.tokenizer, found),
    fix: "move the space at the end of the prompt to the start of the completion, or use a chat template whose generation prompt appears in the whole conversation",
  });
}
