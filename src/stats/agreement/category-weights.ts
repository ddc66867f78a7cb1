/** How much two categories agree: the weights of weighted kappa and AC2. Knows categories, no ratings. */
import { AttuneError } from "../../errors.js";

/**
 * Agreement weights w_kl in [0, 1], 1 on the diagonal, for categories in order:
 * `identity` [k = l]; `linear` 1 - |v_k - v_l| / range (Cicchetti 1971); `quadratic` 1 - (v_k - v_l)² / range²
 * (Cohen 1968); `ordinal` 1 - M_kl / M_max, M_kl the pairs among |k - l| + 1 categories (Gwet 2014, ch. 3); or a matrix.
 */
export type CategoryWeights =
  | "identity"
  | "linear"
  | "quadratic"
  | "ordinal"
  | readonly (readonly number[])[];

/**
 * The matrix [categories, categories] of `weights`. `values` are the numbers of the categories for `linear` and `quadratic`, by
 * default their places 0, 1, 2...
 */
export function categoryWeights(
  weights: CategoryWeights,
  categories: number,
  { values = Array.from({ length: categories }, (_, k) => k) }: { values?: readonly number[] } = {},
): number[][] {
  if (values.length !== categories || values.some((value) => !Number.isFinite(value))) {
    throw refusal(`${categories} finite values, one a category`, JSON.stringify(values));
  }
  if (typeof weights !== "string") return checkMatrix(weights, categories);
  const range = Math.max(...values) - Math.min(...values);
  const pairs = (k: number, l: number) => ((Math.abs(k - l) + 1) * Math.abs(k - l)) / 2;
  const loss: Record<Exclude<CategoryWeights, readonly unknown[]>, (k: number, l: number) => number> = {
    identity: (k, l) => (k === l ? 0 : 1),
    linear: (k, l) => Math.abs(values[k]! - values[l]!) / range,
    quadratic: (k, l) => ((values[k]! - values[l]!) / range) ** 2,
    ordinal: (k, l) => pairs(k, l) / pairs(0, categories - 1),
  };
  const lossOf = loss[weights];
  if (lossOf === undefined)
    throw refusal("identity, linear, quadratic, ordinal or a matrix", String(weights));
  return values.map((_, k) => values.map((__, l) => (k === l ? 1 : 1 - lossOf(k, l))));
}

/**
 * Agreement weights from a matrix of *disagreement* (0 on the diagonal, larger is worse), as Cohen (1968) gave them:
 * 1 - d / max d. Kappa does not change with the scale of d.
 */
export function fromDisagreement(disagreement: readonly (readonly number[])[]): number[][] {
  const worst = Math.max(...disagreement.flat());
  if (!(worst > 0) || !disagreement.flat().every((value) => value >= 0)) {
    throw refusal("disagreements >= 0, at least one positive", JSON.stringify(disagreement));
  }
  return checkMatrix(
    disagreement.map((row) => row.map((value) => 1 - value / worst)),
    disagreement.length,
  );
}

function checkMatrix(weights: readonly (readonly number[])[], categories: number): number[][] {
  const sound =
    weights.length === categories &&
    weights.every(
      (row, k) =>
        row.length === categories &&
        row.every((value, l) => value >= 0 && value <= 1 && (k !== l || value === 1)),
    );
  if (!sound) {
    throw refusal(
      `a ${categories} x ${categories} matrix in [0, 1] with 1 on the diagonal`,
      JSON.stringify(weights),
    );
  }
  return weights.map((row) => [...row]);
}

const refusal = (expected: string, got: string) =>
  new AttuneError("usage", { where: "categoryWeights", expected, got });
