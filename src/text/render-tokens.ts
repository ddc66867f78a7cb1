/**
 * Tokens as text for people, with the trained ones marked: in colour for a terminal, in brackets for a file. Control
 * characters are shown, never sent to the terminal. Knows a tokenizer, ids and a mask.
 */
import type { Tokenizer } from "./tokenizer.js";

export interface RenderTokensOptions {
  /** ANSI colours: trained green, special tokens bold, the rest dim. Default false: `⟦…⟧` around what is trained. */
  colour?: boolean;
  /** Put `·` between tokens. Default false. */
  boundaries?: boolean;
}

const GREEN = "\u001b[32m";
const DIM = "\u001b[2m";
const BOLD = "\u001b[1m";
const RESET = "\u001b[0m";

/**
 * The text of `ids`; a line end shows as `⏎` and breaks the line.
 *
 * @param row `mask`: 1 where the token is trained, as long as `ids`; absent: all are.
 */
export function renderColoured(
  tokenizer: Tokenizer,
  row: { ids: readonly number[]; mask?: readonly number[] },
  options: RenderTokensOptions = {},
): string {
  const { colour = false, boundaries = false } = options;
  const pieces = tokenPieces(tokenizer, row);
  let output = "";
  let open = false;
  pieces.forEach(({ text, trained, special }, i) => {
    const shown = visible(text);
    if (colour) {
      const style = (trained ? GREEN : DIM) + (special ? BOLD : "");
      // A style must not run over a line end: pagers and `less -R` lose it there.
      output += shown
        .split("\n")
        .map((line) => (line === "" ? "" : style + line + RESET))
        .join("\n");
    } else {
      if (trained !== open) output += trained ? "⟦" : "⟧";
      open = trained;
      output += shown;
    }
    if (boundaries && i + 1 < pieces.length) output += "·";
  });
  return open ? `${output}⟧` : output;
}

interface Piece {
  text: string;
  trained: boolean;
  special: boolean;
}

/** One piece a token, but tokens that only together make a character stay together when they are marked alike. */
function tokenPieces(
  tokenizer: Tokenizer,
  row: { ids: readonly number[]; mask?: readonly number[] },
): Piece[] {
  const { ids, mask } = row;
  const pieces: Piece[] = [];
  let pending: number[] = [];
  ids.forEach((id, i) => {
    const trained = (mask?.[i] ?? 1) === 1;
    pending.push(id);
    const text = tokenizer.decodeContinuation(pending);
    const next = (mask?.[i + 1] ?? 1) === 1;
    const last = i + 1 === ids.length || next !== trained || pending.length >= LONGEST_CHARACTER;
    if (text.endsWith("\ufffd") && !last) return;
    pieces.push({ text, trained, special: pending.length === 1 && tokenizer.isSpecial(id) });
    pending = [];
  });
  return pieces;
}

/** Bytes of a character, each of which may be a token of its own. */
const LONGEST_CHARACTER = 4;

/** Line ends as `⏎` and a line end; other controls, direction marks and the like as `\u{...}`. */
function visible(text: string): string {
  return text
    .replaceAll("\r", "␍")
    .replaceAll("\n", "⏎\n")
    .replace(/(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (char) =>
      char === "\t" ? "⇥\t" : `\\u{${char.codePointAt(0)!.toString(16)}}`,
    );
}
