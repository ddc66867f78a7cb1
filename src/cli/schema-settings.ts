/** Makes flags of a schema that was not written as settings: names to snake case, defaults to their source. Knows no schema. */
import { z } from "zod";
import type { SettingKind } from "../train/job/index.js";

type Shape = Readonly<Record<string, z.ZodType>>;

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const kinds: Readonly<Record<string, SettingKind>> = {
  number: "number",
  boolean: "flag",
  string: "text",
  array: "list",
};

function innermost(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as { innerType?: z.ZodType };
  return innerType === undefined ? schema : innermost(innerType);
}

/** Settings by their flag's name; `leave` names what is no flag. The text in brackets at the end of a meaning is its default. */
export function settingsOfSchema(
  shape: Shape,
  { leave = [] }: { leave?: readonly string[] } = {},
): Record<string, z.ZodType> {
  const entries = Object.entries(shape).filter(([name]) => !leave.includes(name));
  return Object.fromEntries(
    entries.map(([name, schema]) => {
      const text = schema.description ?? schema.meta()?.description ?? "";
      const [, doc = text, source = ""] = /^(.*?)(?: \(default: (.*)\))?$/s.exec(text) ?? [];
      const kind = kinds[innermost(schema).def.type] ?? "text";
      return [
        snake(name),
        schema.meta({
          description: doc,
          setting: { kind, doc: `${doc[0]?.toUpperCase()}${doc.slice(1)}.`, source },
        }),
      ];
    }),
  );
}

/** Values under the schema's own names; only those that were given. */
export function namedAsSchema(
  values: Readonly<Record<string, unknown>>,
  shape: Shape,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(shape).flatMap((name) =>
      values[snake(name)] === undefined ? [] : [[name, values[snake(name)]]],
    ),
  );
}
