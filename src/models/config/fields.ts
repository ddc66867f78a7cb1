/**
 * Typed access to the keys of a config.json: every value is checked, every error names the file and the key.
 * Knows nothing of what the keys mean.
 */
import { AttuneError } from "../../errors.js";

export type RawConfig = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is RawConfig =>
  typeof value === "object" && value !== null && !Array.isArray(value);

interface Range {
  min?: number;
  max?: number;
  /** Value of a missing key; without it the key is required. */
  fallback?: number;
}

/** A config.json with its place, read key by key. A key that is null counts as missing. */
export class Fields {
  readonly raw: RawConfig;
  readonly where: string;

  constructor(raw: RawConfig, { where }: { where: string }) {
    this.raw = raw;
    this.where = where;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.raw, key);
  }

  /** Present and not null. */
  given(key: string): boolean {
    return this.raw[key] !== undefined && this.raw[key] !== null;
  }

  refuse(key: string, { expected, fix }: { expected: string; fix?: string }): never {
    const value = this.raw[key];
    throw new AttuneError("model", {
      where: `${this.where}: ${key}`,
      expected,
      got: value === undefined ? "nothing" : JSON.stringify(value),
      fix,
    });
  }

  /** A whole number, at least 1 unless `min` says otherwise. */
  integer(key: string, { min = 1, max = 2 ** 31 - 1, fallback }: Range = {}): number {
    if (!this.given(key) && fallback !== undefined) return fallback;
    const value = this.raw[key];
    // Python writes 1e6 as 1000000.0, which JSON.parse reads as the whole number it is.
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
      return this.refuse(key, { expected: `a whole number from ${min} to ${max}` });
    }
    return value;
  }

  /** A finite number above 0 unless `min` says otherwise. */
  number(key: string, { min, max = Infinity, fallback }: Range = {}): number {
    if (!this.given(key) && fallback !== undefined) return fallback;
    const value = this.raw[key];
    const low = min === undefined ? "above 0" : `of at least ${min}`;
    if (
      typeof value !== "number" ||
      !Number.isFinite(value) ||
      value > max ||
      (min === undefined ? value <= 0 : value < min)
    ) {
      return this.refuse(key, {
        expected: `a number ${low}${max === Infinity ? "" : ` and at most ${max}`}`,
      });
    }
    return value;
  }

  /** A number above 0, or null when the key is null or missing. */
  optionalNumber(key: string): number | null {
    return this.given(key) ? this.number(key) : null;
  }

  optionalInteger(key: string, range: Omit<Range, "fallback"> = {}): number | null {
    return this.given(key) ? this.integer(key, range) : null;
  }

  boolean(key: string, fallback: boolean): boolean {
    if (!this.given(key)) return fallback;
    const value = this.raw[key];
    return typeof value === "boolean" ? value : this.refuse(key, { expected: "true or false" });
  }

  /** One of the words in `table`, as what the table says. */
  choice<T>(key: string, { table, fallback }: { table: Readonly<Record<string, T>>; fallback?: string }): T {
    const value = this.given(key) ? this.raw[key] : fallback;
    if (typeof value === "string" && Object.hasOwn(table, value)) return table[value]!;
    return this.refuse(key, { expected: `one of ${Object.keys(table).join(", ")}` });
  }

  /** A list of `length` numbers above 0. */
  numbers(key: string, { length }: { length: number }): number[] {
    const value = this.raw[key];
    const fits =
      Array.isArray(value) &&
      value.length === length &&
      value.every((x) => typeof x === "number" && Number.isFinite(x) && x > 0);
    return fits ? (value as number[]) : this.refuse(key, { expected: `a list of ${length} numbers above 0` });
  }

  /** The object under `key`, with its place in messages; undefined when null or missing. */
  child(key: string): Fields | undefined {
    if (!this.given(key)) return undefined;
    const value = this.raw[key];
    if (!isRecord(value)) return this.refuse(key, { expected: "an object" });
    return new Fields(value, { where: `${this.where}: ${key}` });
  }

  /** Refuses a key that would change the numbers and that nothing here implements. */
  mustBe(key: string, { value, fallback = value }: { value: unknown; fallback?: unknown }): void {
    const actual = this.given(key) ? this.raw[key] : fallback;
    if (actual !== value)
      this.refuse(key, { expected: `${JSON.stringify(value)}, the only value known here` });
  }
}
