/** Small dense linear algebra for fits: Cholesky factors, solutions, inverses. Knows matrices, no model. */

export type Matrix = readonly (readonly number[])[];

export const zeros = (rows: number, columns = rows): number[][] =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

/** Lower triangular L with L Lᵀ = matrix; null when the matrix is not positive definite to working precision. */
export function choleskyFactor(matrix: Matrix): number[][] | null {
  const size = matrix.length;
  const factor = zeros(size);
  for (let i = 0; i < size; i++) {
    const row = factor[i]!;
    for (let j = 0; j <= i; j++) {
      const other = factor[j]!;
      let sum = matrix[i]![j]!;
      for (let k = 0; k < j; k++) sum -= row[k]! * other[k]!;
      if (i === j) {
        if (!(sum > 1e-13 * Math.abs(matrix[i]![i]!))) return null;
        row[i] = Math.sqrt(sum);
      } else {
        row[j] = sum / other[j]!;
      }
    }
  }
  return factor;
}

/** x with L Lᵀ x = right. */
export function solveFactored(factor: Matrix, right: readonly number[]): number[] {
  const size = factor.length;
  const x = [...right];
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i]![k]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= factor[k]![i]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  return x;
}

/** The inverse of a symmetric positive definite matrix; null when it is none. */
export function invertPositive(matrix: Matrix): number[][] | null {
  const factor = choleskyFactor(matrix);
  if (factor === null) return null;
  const inverse = matrix.map((_, column) =>
    solveFactored(
      factor,
      matrix.map((__, row) => (row === column ? 1 : 0)),
    ),
  );
  for (let i = 0; i < inverse.length; i++) {
    for (let j = 0; j < i; j++) {
      inverse[i]![j] = inverse[j]![i] = (inverse[i]![j]! + inverse[j]![i]!) / 2;
    }
  }
  return inverse;
}

export function multiply(left: Matrix, right: Matrix): number[][] {
  const columns = right[0]?.length ?? 0;
  return left.map((row) => {
    const out = new Array<number>(columns).fill(0);
    for (const [k, value] of row.entries()) {
      if (value === 0) continue;
      const other = right[k]!;
      for (let j = 0; j < columns; j++) out[j]! += value * other[j]!;
    }
    return out;
  });
}

export const dot = (left: readonly number[], right: readonly number[]): number =>
  left.reduce((sum, value, index) => sum + value * right[index]!, 0);

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
