/**
 * Numbers of a rollout on the host: one array a row, as long as the row has tokens, so that nothing is padded and no mask
 * is needed. Knows no method.
 */
import { AttuneError } from "../../errors.js";

/** One array a row; lengths differ, and may be 0. */
export type TokenRows = readonly ArrayLike<number>[];

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Unbiased: divided by count - 1; 0 for fewer than two numbers. */
  readonly variance: number;
  /** Divided by count. */
  readonly populationVariance: number;
}

/** Mean and variances, NaN left out. */
export function momentsOf(values: Iterable<number>): Moments {
  const real = [...values].filter((x) => !Number.isNaN(x));
  const count = real.length;
  const mean = count === 0 ? 0 : real.reduce((a, b) => a + b, 0) / count;
  const squares = real.reduce((total, x) => total + (x - mean) ** 2, 0);
  return {
    count,
    mean,
    variance: count > 1 ? squares / (count - 1) : 0,
    populationVariance: count > 0 ? squares / count : 0,
  };
}

/** All numbers of all rows. */
export function* everyToken(rows: TokenRows): Generator<number> {
  for (const row of rows) for (let t = 0; t < row.length; t++) yield row[t]!;
}

/** A new number for every token. */
export const mapRows = (
  rows: TokenRows,
  of: (x: number, row: number, token: number) => number,
): Float64Array[] => rows.map((row, r) => Float64Array.from(row, (x, t) => of(x, r, t)));

export const sumOf = (row: ArrayLike<number>): number => Array.from(row).reduce((a, b) => a + b, 0);

/** Throws `usage` where two lists of rows, or a list and a number a row, do not fit. */
export function checkRows(
  where: string,
  rows: TokenRows,
  others: Readonly<Record<string, TokenRows | undefined>>,
): void {
  for (const [name, other] of Object.entries(others)) {
    if (other === undefined) continue;
    const at = other.length === rows.length ? other.findIndex((x, r) => x.length !== rows[r]!.length) : -1;
    if (other.length === rows.length && at < 0) continue;
    throw new AttuneError("usage", {
      where: `${where}: ${name}${at < 0 ? "" : `, row ${at}`}`,
      expected: at < 0 ? `${rows.length} rows` : `${rows[at]!.length} tokens`,
      got: String(at < 0 ? other.length : other[at]!.length),
    });
  }
}

/** Throws `usage` where there is not one number a row. */
export function checkCount(
  where: string,
  rows: number,
  given: Readonly<Record<string, ArrayLike<unknown> | undefined>>,
): void {
  for (const [name, list] of Object.entries(given)) {
    if (list === undefined || list.length === rows) continue;
    throw new AttuneError("usage", {
      where: `${where}: ${name}`,
      expected: `${rows} values, one a row`,
      got: String(list.length),
    });
  }
}
