/**
 * One setting of a run, declared once: its schema, meaning, and where its default comes from. Configuration files, flags
 * and help derive from it. Knows no particular setting.
 */
import { z } from "zod";

/** How a setting is written in a flag. */
export type SettingKind =
  | "number"
  | "flag"
  | "text"
  | "texts"
  | "choice"
  | "list"
  | "object"
  | "optional-text";

export interface SettingInfo {
  kind: SettingKind;
  doc: string;
  /** Where the default comes from. */
  source: string;
  choices?: readonly string[];
}

interface Words {
  doc: string;
  source: string;
}

interface Bounds {
  min?: number;
  max?: number;
  above?: number;
  below?: number;
}

const described = <T extends z.ZodType>(schema: T, info: SettingInfo): T =>
  schema.meta({ description: info.doc, setting: info });

/** What was declared about a setting. */
export function settingInfo(schema: z.ZodType): SettingInfo {
  return schema.meta()?.["setting"] as SettingInfo;
}

/** The default of a setting; undefined where it has none. */
export function settingDefault(schema: z.ZodType): unknown {
  const result = schema.safeParse(undefined);
  return result.success ? result.data : undefined;
}

const types: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  record: "settings by name",
};

/** What a schema's message asks for, in words: `Too small: expected number to be >0` is `a number >0`. */
export function expectedOf(message: string): string {
  const text = message.replace(/^[^:]*: expected /, "").replace(/^Invalid (input|option): expected /, "");
  const [, type, rest] = /^(\w+)(?:, received .*| to (?:be|have) (.*))$/.exec(text) ?? [];
  if (type === undefined) return text;
  const bound = rest === undefined ? "" : rest === ">=1 characters" ? " that is not empty" : ` ${rest}`;
  return `${types[type] ?? type}${bound}`;
}

function bounded(schema: z.ZodNumber, { min, max, above, below }: Bounds): z.ZodNumber {
  let result = schema;
  if (min !== undefined) result = result.min(min);
  if (max !== undefined) result = result.max(max);
  if (above !== undefined) result = result.gt(above);
  if (below !== undefined) result = result.lt(below);
  return result;
}

export const number = (value: number, o: Words & Bounds) =>
  described(bounded(z.number(), o).default(value), { kind: "number", doc: o.doc, source: o.source });
export const optionalNumber = (o: Words & Bounds) =>
  described(bounded(z.number(), o).optional(), { kind: "number", doc: o.doc, source: o.source });
export const whole = (value: number, o: Words & Bounds) =>
  described(bounded(z.int() as unknown as z.ZodNumber, o).default(value), {
    kind: "number",
    doc: o.doc,
    source: o.source,
  });
export const optionalWhole = (o: Words & Bounds) =>
  described(bounded(z.int() as unknown as z.ZodNumber, o).optional(), {
    kind: "number",
    doc: o.doc,
    source: o.source,
  });
export const flag = (value: boolean, o: Words) =>
  described(z.boolean().default(value), { kind: "flag", ...o });
export const text = (o: Words) => described(z.string().min(1), { kind: "text", ...o });
export const optionalText = (o: Words) => described(z.string().min(1).optional(), { kind: "text", ...o });
export const choice = <const T extends readonly [string, ...string[]]>(
  value: NoInfer<T[number]>,
  o: Words & { choices: T },
) => described(z.enum(o.choices).default(value as never), { kind: "choice", ...o });
export const optionalChoice = <const T extends readonly [string, ...string[]]>(o: Words & { choices: T }) =>
  described(z.enum(o.choices).optional(), { kind: "choice", ...o });
/** Names, as a list or with commas between them. */
export const list = (o: Words) => {
  const split = (value: unknown): unknown =>
    typeof value === "string" ? value.split(",").map((part) => part.trim()) : value;
  return described(z.preprocess(split, z.array(z.string().min(1)).optional()), { kind: "list", ...o });
};
/** Texts that may hold commas: one a flag, which may come again; a list or one text in a file. */
export const texts = (o: Words) => {
  const several = (value: unknown): unknown => (typeof value === "string" ? [value] : value);
  return described(z.preprocess(several, z.array(z.string().min(1)).min(1).optional()), {
    kind: "texts",
    ...o,
  });
};
export const object = (o: Words) =>
  described(z.record(z.string(), z.unknown()).default({}), { kind: "object", ...o });
const switchSchema = z.union([z.boolean(), z.string().min(1)], {
  error: "Invalid input: expected true, false or a text",
});
/** Off, on, or on with a text. */
export const switchOrText = (o: Words) =>
  described(switchSchema.default(false), { kind: "optional-text", ...o });
