/**
 * Stop strings: ends a row where its text, not its tokens, says one of several strings, also across the borders of tokens.
 * Knows no tokenizer; what turns tokens into text is given.
 */
import { AttuneError } from "../errors.js";

/** The text that tokens add to one that goes on, such as `tokenizer.decodeContinuation`. */
export type DecodeTokens = (tokens: readonly number[]) => string;

export interface StopText {
  /** Takes the token that was chosen; the stop string that the text now holds, if any. */
  take(token: number): string | undefined;
}

/** Throws `config` for an empty string, or strings without a way to decode. */
export function checkStopStrings(strings: readonly string[], decode: DecodeTokens | undefined): void {
  const refuse = (expected: string, got: string): never => {
    throw new AttuneError("config", { where: "generate: stopStrings", expected, got });
  };
  if (strings.includes("")) refuse("strings of at least one character", 'the empty string ""');
  if (strings.length > 0 && decode === undefined)
    refuse("decode beside them, such as tokenizer.decodeContinuation", "no way to turn tokens into text");
}

/** Most tokens that a character can be split into: bytes of UTF-8, two UTF-16 units for four of them. */
const tokensPerUnit = 3;

/** One a row: it remembers the row's last tokens, as many as the longest string can lie in. */
export function stopText(strings: readonly string[], decode: DecodeTokens): StopText {
  const window = Math.max(...strings.map(({ length }) => length)) * tokensPerUnit + 1;
  let tail: number[] = [];
  return {
    take(token) {
      tail.push(token);
      if (tail.length > window) tail = tail.slice(-window);
      const text = decode(tail);
      // The one that stands first ends the row, whichever is listed first.
      let found: { string: string; at: number } | undefined;
      for (const string of strings) {
        const at = text.indexOf(string);
        if (at >= 0 && (found === undefined || at < found.at)) found = { string, at };
      }
      return found?.string;
    },
  };
}

/** The text before the stop string that ended it. */
export function cutAtStop(text: string, stopString: string | undefined): string {
  const at = stopString === undefined ? -1 : text.indexOf(stopString);
  return at < 0 ? text : text.slice(0, at);
}
