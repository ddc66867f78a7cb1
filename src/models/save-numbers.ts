/**
 * JSON that keeps which numbers were written as floats (`30.0`): JavaScript reads and writes them as `30`, and
 * transformers 5 refuses such a value for a field that is a float. Knows nothing of what the keys mean.
 */
import { isRecord } from "./config/fields.js";

/** Stands for a float in parsed text; no string of a real file holds a NUL. */
const mark = "\u0000float";
const strings = /"(?:[^"\\]|\\.)*"/.source;
const numbers = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/.source;

/** `value` as JSON, its whole numbers spelled `30.0` wherever the text it came from has a float at the same place. */
export function stringifyLike(value: unknown, text: string): string {
  const literals = new RegExp(`${strings}|${numbers}`, "g");
  const marked = text.replace(literals, (token) =>
    !token.startsWith('"') && /[.eE]/.test(token) ? JSON.stringify(mark) : token,
  );
  const spelled = spell(value, JSON.parse(marked));
  return JSON.stringify(spelled, null, 2).replaceAll(new RegExp(`"\\\\u0000float(${numbers})"`, "g"), "$1");
}

function spell(value: unknown, like: unknown): unknown {
  if (typeof value === "number")
    return like === mark && Number.isSafeInteger(value) ? `${mark}${value}.0` : value;
  if (Array.isArray(value))
    return value.map((item, i) => spell(item, Array.isArray(like) ? like[i] : undefined));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, spell(item, isRecord(like) ? like[key] : undefined)]),
  );
}
