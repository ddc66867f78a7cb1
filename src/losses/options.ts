/**
 * Declared options: default, range, meaning and source of every hyperparameter of a loss, in one plain object that
 * gives the type, the check and the command-line flag. Knows no loss.
 */
import { AttuneError } from "../errors.js";

export type OptionValue = number | string | boolean;

export interface OptionSpec<T extends OptionValue = OptionValue> {
  readonly default: T;
  /** What it does, in one sentence. */
  readonly doc: string;
  /** Where the default comes from. */
  readonly source: string;
  readonly choices?: readonly T[];
  /** Bounds of numbers: `min <= x <= max`, `above < x < below`. */
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
export type OptionsOf<S extends OptionSpecs> = {
  readonly [K in keyof S]: S[K] extends OptionSpec<infer T> ? T : never;
};

type NumberBounds = Omit<OptionSpec<number>, "default" | "choices">;

export const number = (value: number, spec: NumberBounds): OptionSpec<number> => ({
  default: value,
  ...spec,
});
export const choice = <T extends string>(
  value: NoInfer<T>,
  spec: { choices: readonly T[]; doc: string; source: string },
): OptionSpec<T> => ({ default: value, ...spec });

/** beta of the DPO family, which most losses share. */
export const beta = (value: number, doc: string, { source }: { source: string }): OptionSpec<number> =>
  number(value, { above: 0, doc, source });

function rangeOf({ min, max, above, below }: OptionSpec): string {
  const low = min !== undefined ? `>= ${min}` : above !== undefined ? `> ${above}` : undefined;
  const high = max !== undefined ? `<= ${max}` : below !== undefined ? `< ${below}` : undefined;
  return [low, high].filter((part) => part !== undefined).join(" and ") || "a number";
}

function inRange(x: number, { min, max, above, below }: OptionSpec): boolean {
  const low = (min === undefined || x >= min) && (above === undefined || x > above);
  return Number.isFinite(x) && low && (max === undefined || x <= max) && (below === undefined || x < below);
}

/** Fills in defaults. Throws `config` for an unknown name or a value out of range. */
export function resolveOptions<S extends OptionSpecs>(
  where: string,
  specs: S,
  given: Partial<OptionsOf<S>> = {},
): OptionsOf<S> {
  const values: Record<string, OptionValue> = {};
  for (const [name, spec] of Object.entries(specs)) values[name] = spec.default;
  for (const [name, value] of Object.entries(given) as [string, OptionValue | undefined][]) {
    const spec = specs[name];
    if (spec === undefined) {
      throw new AttuneError("config", {
        where,
        expected: `options among ${Object.keys(specs).join(", ") || "none"}`,
        got: name,
      });
    }
    if (value === undefined) continue;
    const wrongType = typeof value !== typeof spec.default;
    const wrongValue =
      (spec.choices !== undefined && !spec.choices.includes(value)) ||
      (typeof value === "number" && !inRange(value, spec));
    if (wrongType || wrongValue) {
      const expected =
        spec.choices?.join(" | ") ?? (typeof spec.default === "number" ? rangeOf(spec) : typeof spec.default);
      throw new AttuneError("config", { where, expected: `${name} ${expected}`, got: String(value) });
    }
    values[name] = value;
  }
  return values as OptionsOf<S>;
}
