/**
 * The prompt that two answers share: as TRL finds it, and a safer way of our own. Knows no files and no tokens.
 */
import { equalTexts, type Message, type Text } from "../records/index.js";
import { AttuneError } from "../errors.js";

export interface Extracted<T> {
  prompt: T;
  chosen: T;
  rejected: T;
}

/**
 * TRL's `extract_prompt`, faults included, for parity: per character (Unicode code point) or per message; `maybe`
 * and `mostly` leave `m` in the prompt, equal answers lose their last element to them. Throws `data` where TRL
 * crashes (an empty answer).
 */
export function extractPromptLikeTrl(chosen: string, rejected: string): Extracted<string>;
export function extractPromptLikeTrl(
  chosen: readonly Message[],
  rejected: readonly Message[],
): Extracted<Message[]>;
export function extractPromptLikeTrl(
  chosen: string | readonly Message[],
  rejected: string | readonly Message[],
): Extracted<string> | Extracted<Message[]> {
  if (typeof chosen === "string" || typeof rejected === "string") {
    const [left, right] = [[...(chosen as string)], [...(rejected as string)]];
    const { at, differs } = firstDifference(left, right);
    // Python's index -1 is the last character: TRL looks before the first difference even when that is 0.
    const before = differs && left.at(at - 1) === " " ? at - 1 : at;
    const end = before < 0 ? left.length + before : before;
    const rightEnd = before < 0 ? Math.max(0, right.length + before) : before;
    return {
      prompt: left.slice(0, end).join(""),
      chosen: left.slice(end).join(""),
      rejected: right.slice(rightEnd).join(""),
    };
  }
  const { at } = firstDifference(chosen, rejected);
  return { prompt: chosen.slice(0, at), chosen: chosen.slice(at), rejected: rejected.slice(at) };
}

/** Index of the first difference; where none is found, the last index compared. */
function firstDifference(
  left: readonly unknown[],
  right: readonly unknown[],
): { at: number; differs: boolean } {
  const shorter = Math.min(left.length, right.length);
  if (shorter === 0) {
    throw new AttuneError("data", {
      where: "extractPrompt",
      expected: "two answers that are not empty",
      got: "an empty one",
    });
  }
  for (let index = 0; index < shorter; index += 1)
    if (!same(left[index], right[index])) return { at: index, differs: true };
  return { at: shorter - 1, differs: false };
}

function same(left: unknown, right: unknown): boolean {
  return left === right || (typeof left === "object" && JSON.stringify(left) === JSON.stringify(right));
}

/**
 * The shared prompt, cut only where a cut is natural: whole messages; in a text, after white space or at a line's
 * end, so that no word is split, with that white space left to the answers when it is a single space. Undefined
 * when no prompt leaves two different, non-empty answers.
 */
export function extractPrompt(chosen: Text, rejected: Text): Extracted<Text> | undefined {
  if (equalTexts(chosen, rejected)) return undefined;
  if (typeof chosen === "string" && typeof rejected === "string") {
    let at = 0;
    while (at < chosen.length && at < rejected.length && chosen[at] === rejected[at]) at += 1;
    if (at === chosen.length || at === rejected.length) return undefined;
    while (at > 0 && !/\s/.test(chosen[at - 1] as string)) at -= 1;
    if (chosen[at - 1] === " " && !/\s/.test(chosen[at - 2] ?? "\n")) at -= 1;
    return { prompt: chosen.slice(0, at), chosen: chosen.slice(at), rejected: rejected.slice(at) };
  }
  if (typeof chosen === "string" || typeof rejected === "string") return undefined;
  let at = 0;
  while (at < chosen.length && at < rejected.length && same(chosen[at], rejected[at])) at += 1;
  if (at === chosen.length || at === rejected.length) return undefined;
  return { prompt: chosen.slice(0, at), chosen: chosen.slice(at), rejected: rejected.slice(at) };
}

/**
 * TRL's `maybe_extract_prompt`: a row that is no preference, or whose prompt is of the answers' form, is given
 * back; else the prompt comes out of the two answers.
 */
export function maybeExtractPromptLikeTrl(
  row: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { chosen, rejected, prompt } = row;
  if (chosen === undefined || rejected === undefined) return row;
  if (prompt !== undefined && (typeof prompt === "string") === (typeof chosen === "string")) return row;
  return { ...row, ...extractPromptLikeTrl(chosen as string, rejected as string) };
}

/**
 * TRL's `unpair_preference_dataset`: all chosen answers as liked, then all rejected ones as not. Other columns
 * are kept, `completion` and `label` come last.
 */
export function unpairPreferences<T extends { chosen: unknown; rejected: unknown }>(
  rows: readonly T[],
): (Omit<T, "chosen" | "rejected"> & { completion: T["chosen"]; label: boolean })[] {
  const side = (which: "chosen" | "rejected") =>
    rows.map(({ chosen, rejected, ...rest }) => ({
      ...rest,
      completion: which === "chosen" ? chosen : rejected,
      label: which === "chosen",
    }));
  return [...side("chosen"), ...side("rejected")];
}
