/** Cohen's kappa of two raters, plain and weighted, and Scott's pi. Knows a table of counts only. */
import { AttuneError } from "../../errors.js";
import { checkCounts } from "../checks.js";
import { categoryWeights, type CategoryWeights } from "./category-weights.js";
import type { Coefficient } from "./corrected.js";
import { fleissKappa } from "./fleiss-kappa.js";

export interface TableOptions {
  /** How much two different categories agree; default `identity`. For weights of disagreement see `fromDisagreement`. */
  weights?: CategoryWeights;
}

/**
 * κ = (P_o - P_e) / (1 - P_e), P_o = Σ w_kl p_kl, P_e = Σ w_kl p_k· p_·l (Cohen 1960; weighted 1968). Standard error of Fleiss,
 * Cohen and Everitt (1969): √(Σ p_kl [w_kl - (w̄_k· + w̄_·l)(1 - κ)]² - [κ - P_e (1 - κ)]²) / ((1 - P_e) √n) with
 * w̄_k· = Σ_l w_kl p_·l and w̄_·l = Σ_k w_kl p_k·.
 *
 * `table[k][l]`: items that the first rater put into category k and the second into l. Square, not all zero.
 */
export function cohenKappa(
  table: readonly (readonly number[])[],
  { weights = "identity" }: TableOptions = {},
): Coefficient {
  const total = checkTable("cohenKappa", table);
  const w = categoryWeights(weights, table.length);
  const p = table.map((row) => row.map((count) => count / total));
  const rows = p.map((row) => row.reduce((a, b) => a + b, 0));
  const columns = p.map((_, l) => p.reduce((sum, row) => sum + row[l]!, 0));
  const rowWeights = w.map((line) => line.reduce((sum, value, l) => sum + value * columns[l]!, 0));
  const columnWeights = w.map((_, l) => w.reduce((sum, line, k) => sum + line[l]! * rows[k]!, 0));
  const observed = p.reduce(
    (sum, row, k) => sum + row.reduce((part, share, l) => part + share * w[k]![l]!, 0),
    0,
  );
  const expected = rows.reduce((sum, share, k) => sum + share * rowWeights[k]!, 0);
  if (1 - expected < 1e-12) return { value: null, observed, expected, standardError: null, items: total };
  const value = (observed - expected) / (1 - expected);
  let squares = 0;
  for (const [k, row] of p.entries()) {
    for (const [l, share] of row.entries()) {
      squares += share * (w[k]![l]! - (rowWeights[k]! + columnWeights[l]!) * (1 - value)) ** 2;
    }
  }
  const variance = Math.max(0, squares - (value - expected * (1 - value)) ** 2);
  return {
    value,
    observed,
    expected,
    standardError: Math.sqrt(variance / total) / (1 - expected),
    items: total,
  };
}

/**
 * Scott's π (1955): kappa with P_e = Σ ((p_k· + p_·k) / 2)², both raters' shares pooled. The same as `fleissKappa` of two raters;
 * table as for `cohenKappa`.
 */
export function scottPi(table: readonly (readonly number[])[], options: TableOptions = {}): Coefficient {
  checkTable("scottPi", table);
  const { counts, repeats } = countTable(table);
  const { value, observed, expected, standardError, items } = fleissKappa(counts, { ...options, repeats });
  return { value, observed, expected, standardError, items };
}

/** A two-rater table as the rows of counts that the other coefficients take, each with how many items it stands for. */
export function countTable(table: readonly (readonly number[])[]): { counts: number[][]; repeats: number[] } {
  checkTable("countTable", table);
  const counts: number[][] = [];
  const repeats: number[] = [];
  for (const [k, row] of table.entries()) {
    for (const [l, items] of row.entries()) {
      counts.push(table.map((_, c) => (c === k ? 1 : 0) + (c === l ? 1 : 0)));
      repeats.push(items);
    }
  }
  return { counts, repeats };
}

/** The table that `cohenKappa` takes, from two raters' labels of the same items; items that either left out are dropped. */
export function crossTable<L>(
  first: readonly (L | null)[],
  second: readonly (L | null)[],
  { categories: given }: { categories?: readonly L[] } = {},
): { table: number[][]; categories: L[] } {
  const both = first.flatMap((label, index) => {
    const other = second[index];
    return label == null || other == null ? [] : [[label, other] as const];
  });
  const categories = [...(given ?? new Set(both.flat()))];
  const places = new Map(categories.map((label, place) => [label, place]));
  const table = categories.map(() => categories.map(() => 0));
  for (const [a, b] of both) {
    const k = places.get(a);
    const l = places.get(b);
    if (k === undefined || l === undefined) {
      throw new AttuneError("usage", {
        where: "crossTable",
        expected: `labels among ${JSON.stringify(categories)}`,
        got: JSON.stringify(k === undefined ? a : b),
      });
    }
    table[k]![l]!++;
  }
  return { table, categories };
}

function checkTable(where: string, table: readonly (readonly number[])[]): number {
  checkCounts(where, table);
  const total = table.flat().reduce((a, b) => a + b, 0);
  if (table.some((row) => row.length !== table.length) || total === 0) {
    throw new AttuneError("usage", {
      where,
      expected: "a square table with at least one item",
      got: `${table.length} x ${table[0]?.length ?? 0}, ${total} items`,
    });
  }
  return total;
}
