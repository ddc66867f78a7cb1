/**
 * config.json with floats as floats (`30.0`): JavaScript reads and writes them as `30`, and transformers 5 refuses such a
 * value for a field that is a float. A number is one where the text it came from says so, or where its key is
 * declared one by transformers. Knows nothing else of what the keys mean.
 */
import { isRecord } from "./config/fields.js";

/** Stands for a float in parsed text; no string of a real file holds a NUL. */
const mark = "\u0000float";
const strings = /"(?:[^"\\]|\\.)*"/.source;
const numbers = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/.source;

/** Fields that transformers declares as floats, of all families here and of their rope settings. */
const floats = new Set([
  "attention_dropout",
  "attention_factor",
  "attn_logit_softcapping",
  "attn_pdrop",
  "beta_fast",
  "beta_slow",
  "embd_pdrop",
  "factor",
  "final_logit_softcapping",
  "high_freq_factor",
  "initializer_range",
  "layer_norm_epsilon",
  "long_factor",
  "low_freq_factor",
  "mscale",
  "mscale_all_dim",
  "partial_rotary_factor",
  "resid_pdrop",
  "rms_norm_eps",
  "rope_local_base_freq",
  "rope_theta",
  "short_factor",
]);

/** `value` as indented JSON; `text`: the config that it came from, whose floats stay floats. */
export function stringifyConfig(value: unknown, text = "{}"): string {
  const literals = new RegExp(`${strings}|${numbers}`, "g");
  const marked = text.replace(literals, (token) =>
    !token.startsWith('"') && /[.eE]/.test(token) ? JSON.stringify(mark) : token,
  );
  const spelled = spell(value, { like: JSON.parse(marked), float: false });
  return JSON.stringify(spelled, null, 2).replaceAll(new RegExp(`"\\\\u0000float(${numbers})"`, "g"), "$1");
}

function spell(value: unknown, { like, float }: { like: unknown; float: boolean }): unknown {
  if (typeof value === "number")
    return (float || like === mark) && Number.isSafeInteger(value) ? `${mark}${value}.0` : value;
  if (Array.isArray(value))
    return value.map((item, i) => spell(item, { like: Array.isArray(like) ? like[i] : undefined, float }));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      spell(item, { like: isRecord(like) ? like[key] : undefined, float: floats.has(key) }),
    ]),
  );
}
