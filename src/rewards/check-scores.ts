/** Checks what a reward gave back, and names the rows that are wrong. Knows no kind of reward. */
import { AttuneError } from "../errors.js";
import type { RawScores, RewardItem } from "./contract.js";

/** Scores of a batch: NaN where the reward does not apply. */
export interface CheckedScores {
  readonly scores: Float64Array;
  readonly components: Readonly<Record<string, Float64Array>>;
}

const shownRows = 5;

/** `a, b, c (+ 4 more)` */
export function rowNames(items: readonly RewardItem[]): string {
  const names = items.slice(0, shownRows).map(({ id }) => id);
  const more = items.length - names.length;
  return `${items.length === 1 ? "row" : "rows"} ${names.join(", ")}${more > 0 ? ` (+ ${more} more)` : ""}`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 40))}`;
  if (value === undefined) return "undefined";
  return typeof value === "number" ? String(value) : (JSON.stringify(value)?.slice(0, 40) ?? typeof value);
}

/** Throws `data` for a wrong count or what is no number, `numeric` for NaN and infinities. */
export function checkScores(name: string, raw: RawScores, items: readonly RewardItem[]): CheckedScores {
  const whole: unknown = raw;
  const list = isObject(whole) ? whole["scores"] : whole;
  const parts = isObject(whole) && isObject(whole["components"]) ? whole["components"] : {};
  return {
    scores: checkList(name, list, items),
    components: Object.fromEntries(
      Object.entries(parts).map(([part, values]) => [part, checkList(`${name}: ${part}`, values, items)]),
    ),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

function checkList(name: string, list: unknown, items: readonly RewardItem[]): Float64Array {
  const where = `rewards: ${name}`;
  if (!Array.isArray(list) && !ArrayBuffer.isView(list)) {
    throw new AttuneError("data", {
      where: `${where}: ${rowNames(items)}`,
      expected: `a list of ${items.length} numbers`,
      got: shown(list),
    });
  }
  const values = Array.from(list as unknown as ArrayLike<unknown>);
  if (values.length !== items.length) {
    throw new AttuneError("data", {
      where: `${where}: ${rowNames(items)}`,
      expected: `${items.length} scores, one an answer`,
      got: String(values.length),
      fix: "a reward that does not apply to an answer is null",
    });
  }
  const wrong = (bad: (value: unknown) => boolean): number[] => values.flatMap((v, i) => (bad(v) ? [i] : []));
  const refuse = (code: "data" | "numeric", at: readonly number[], expected: string): never => {
    throw new AttuneError(code, {
      where: `${where}: ${rowNames(at.map((i) => items[i]!))}`,
      expected,
      got: at
        .slice(0, shownRows)
        .map((i) => shown(values[i]))
        .join(", "),
      fix: "a reward that does not apply to an answer is null",
    });
  };
  const noNumbers = wrong((v) => v !== null && typeof v !== "number");
  if (noNumbers.length > 0) refuse("data", noNumbers, "numbers");
  const notFinite = wrong((v) => v !== null && !Number.isFinite(v));
  if (notFinite.length > 0) refuse("numeric", notFinite, "finite numbers");
  return Float64Array.from(values, (v) => (v === null ? Number.NaN : (v as number)));
}
