/** The error function to float64 precision. */

/**
 * erf(x) = 2/sqrt(pi) e^(-x^2) (x + 2 x^3/3 + 4 x^5/15 + ...): all terms of one sign, so nothing cancels. From 2 on,
 * 1 - erfc(x) with the continued fraction of erfc (Abramowitz and Stegun 7.1.14), which is there below 0.005.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  const value = a < 2 ? series(a) : a < 6 ? 1 - tail(a) : 1;
  return x < 0 ? -value : value;
}

function series(a: number): number {
  let term = a;
  let total = a;
  for (let n = 1; term > total * 1e-17; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * total;
}

function tail(a: number): number {
  let fraction = a;
  for (let n = 100; n > 0; n--) fraction = a + n / 2 / fraction;
  return Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction);
}
