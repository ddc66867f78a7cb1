/** Cohen's kappa of two raters. Knows a table of counts only. */
import { AttuneError } from "../errors.js";
import { checkCounts } from "./checks.js";

export interface Kappa {
  /** Null when chance agreement is 1 (only one category was ever used): undefined, not perfect. */
  kappa: number | null;
  observed: number;
  expected: number;
  /** Large-sample standard error; null where kappa is. */
  standardError: number | null;
}

/**
 * κ = (P_o - P_e) / (1 - P_e), P_e = Σ_k p_k· p_·k (Cohen 1960). Standard error of Fleiss, Cohen and Everitt (1969):
 * √(A + B - C) / ((1 - P_e) √n), A = Σ p_kk [1 - (p_k· + p_·k)(1 - κ)]², B = (1 - κ)² Σ_{k≠l} p_kl (p_·k + p_l·)²,
 * C = [κ - P_e (1 - κ)]².
 *
 * `table[k][l]`: items that the first rater put into category k and the second into l. Square, not all zero.
 */
export function cohenKappa(table: readonly (readonly number[])[]): Kappa {
  checkCounts("cohenKappa", table);
  const total = table.flat().reduce((a, b) => a + b, 0);
  if (table.some((row) => row.length !== table.length) || total === 0) {
    throw new AttuneError("usage", {
      where: "cohenKappa",
      expected: "a square table with at least one item",
      got: `${table.length} x ${table[0]?.length ?? 0}, ${total} items`,
    });
  }
  const p = table.map((row) => row.map((count) => count / total));
  const rows = p.map((row) => row.reduce((a, b) => a + b, 0));
  const columns = p.map((_, l) => p.reduce((sum, row) => sum + row[l]!, 0));
  const observed = p.reduce((sum, row, k) => sum + row[k]!, 0);
  const expected = rows.reduce((sum, share, k) => sum + share * columns[k]!, 0);
  if (1 - expected < 1e-12) return { kappa: null, observed, expected, standardError: null };
  const kappa = (observed - expected) / (1 - expected);
  let a = 0;
  let b = 0;
  for (const [k, row] of p.entries()) {
    for (const [l, share] of row.entries()) {
      if (k === l) a += share * (1 - (rows[k]! + columns[k]!) * (1 - kappa)) ** 2;
      else b += share * (columns[k]! + rows[l]!) ** 2;
    }
  }
  const c = (kappa - expected * (1 - kappa)) ** 2;
  const variance = Math.max(0, a + (1 - kappa) ** 2 * b - c);
  return { kappa, observed, expected, standardError: Math.sqrt(variance / total) / (1 - expected) };
}

/** The table that `cohenKappa` takes, from two raters' labels of the same items; items that either left out are dropped. */
export function crossTable<L>(
  first: readonly (L | null)[],
  second: readonly (L | null)[],
): { table: number[][]; categories: L[] } {
  const both = first.flatMap((label, index) => {
    const other = second[index];
    return label == null || other == null ? [] : [[label, other] as const];
  });
  const categories = [...new Set(both.flat())];
  const table = categories.map((k) =>
    categories.map((l) => both.filter(([a, b]) => a === k && b === l).length),
  );
  return { table, categories };
}
