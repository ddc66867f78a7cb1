/** Rules on whether an answer is right: the same text, or the same number, as a column of the row. */
import { AttuneError } from "../../errors.js";
import { answerText, type Reward, type RewardItem } from "../contract.js";

export interface MatchOptions {
  /** Column that holds the right answer, or several of them. Default "answer". */
  column?: string;
  /** What of the answer counts: its first group, or else the whole match; the last match wins. Default: all of it. */
  extract?: RegExp;
}

export interface ExactMatchOptions extends MatchOptions {
  /** Default true. */
  ignoreCase?: boolean;
  /** Runs of white space count as one space, none at the ends. Default true. */
  ignoreSpace?: boolean;
  /** Default false. */
  ignorePunctuation?: boolean;
}

/** The right answers of a row; null where it has none. */
function rightOnes({ columns }: RewardItem, column: string): unknown[] | null {
  const value = columns?.[column];
  if (value === undefined || value === null) return null;
  return Array.isArray(value) ? value : [value];
}

/** Null where the expression finds nothing. */
function extracted(text: string, extract: RegExp | undefined): string | null {
  if (extract === undefined) return text;
  const flags = extract.flags.includes("g") ? extract.flags : `${extract.flags}g`;
  const last = [...text.matchAll(new RegExp(extract.source, flags))].at(-1);
  return last === undefined ? null : (last[1] ?? last[0]);
}

/** 1 where the answer is one of the right ones, 0 where it is not. Does not apply to rows without a right answer. */
export function exactMatchReward(options: ExactMatchOptions = {}): Reward {
  const {
    column = "answer",
    extract,
    ignoreCase = true,
    ignoreSpace = true,
    ignorePunctuation = false,
  } = options;
  const plain = (text: string): string => {
    let result = text.normalize("NFC");
    if (ignoreCase) result = result.toLowerCase();
    if (ignorePunctuation) result = result.replaceAll(/\p{P}/gu, "");
    return ignoreSpace ? result.replaceAll(/\s+/g, " ").trim() : result;
  };
  return {
    name: "exact_match",
    score: (items) =>
      items.map((item) => {
        const right = rightOnes(item, column);
        if (right === null) return null;
        const said = extracted(answerText(item), extract);
        return said !== null && right.some((one) => plain(String(one)) === plain(said)) ? 1 : 0;
      }),
  };
}

export interface NumericMatchOptions extends MatchOptions {
  /** Largest distance from the right number. Default 0. */
  absolute?: number;
  /** The same, as a share of the right number. Default 1e-6. */
  relative?: number;
}

/** 1,234.5   -3/4   .5   6.02e23   50% */
const NUMBER =
  /(?:(?<![\w.)])[-+])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s*\/\s*\d+(?:\.\d+)?)?\s*%?/g;

/** The number that a text is, reading thousands, fractions and per cent; NaN where it is none. */
export function readNumber(text: string): number {
  const [whole, denominator] = text
    .replaceAll(/[,\s$]/g, "")
    .replace(/%$/, "")
    .split("/");
  const value = Number(whole) / (denominator === undefined ? 1 : Number(denominator));
  return /%\s*$/.test(text) ? value / 100 : value;
}

/** The last number of a text: in a \boxed{}, after ####, or the last of all. Null where there is none. */
export function lastNumber(text: string): number | null {
  const boxed = [...text.matchAll(/\\boxed\{([^{}]*)\}/g)].at(-1)?.[1];
  const marked = [...text.matchAll(/####\s*([^\n]*)/g)].at(-1)?.[1];
  for (const place of [boxed, marked, text]) {
    const found = place === undefined ? undefined : [...place.matchAll(NUMBER)].at(-1)?.[0];
    const value = found === undefined ? Number.NaN : readNumber(found);
    if (Number.isFinite(value)) return value;
  }
  return null;
}

/**
 * 1 where the answer's last number is the right one, 0 where it is not or there is none. Does not apply to rows without a
 * right answer; one that is no number is the error `data`.
 */
export function numericMatchReward(options: NumericMatchOptions = {}): Reward {
  const { column = "answer", extract, absolute = 0, relative = 1e-6 } = options;
  const rightNumber = (item: RewardItem, value: unknown): number => {
    const number = typeof value === "number" ? value : lastNumber(String(value));
    if (number !== null && Number.isFinite(number)) return number;
    throw new AttuneError("data", {
      where: `rewards: numeric_match: row ${item.id}: ${column}`,
      expected: "a number",
      got: JSON.stringify(value)?.slice(0, 40) ?? typeof value,
    });
  };
  return {
    name: "numeric_match",
    score: (items) =>
      items.map((item) => {
        const right = rightOnes(item, column)?.map((value) => rightNumber(item, value));
        if (right === undefined) return null;
        const text = extracted(answerText(item), extract);
        const said = text === null ? null : lastNumber(text);
        if (said === null) return 0;
        return right.some((r) => Math.abs(said - r) <= Math.max(absolute, relative * Math.abs(r))) ? 1 : 0;
      }),
  };
}
