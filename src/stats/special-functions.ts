/**
 * Distribution functions that the intervals and tests need, to about 1e-12. Numbers only; knows no statistic.
 *
 * Sources: Lanczos (1964) for log-gamma; the continued fraction of the incomplete beta function as in Numerical Recipes
 * (3rd ed., section 6.4). Quantiles are found by bisection on the distribution function: slow and certain.
 */

const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const series = lanczos.reduce(
    (sum, coefficient, index) => (index === 0 ? coefficient : sum + coefficient / (z + index)),
    0,
  );
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/** Regularised incomplete beta function I_x(a, b): the distribution function of Beta(a, b). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast only below the mean; the other side is its mirror image.
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guard = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    const step = d * c;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return fraction;
}

function bisect(target: number, low: number, high: number, distribution: (x: number) => number): number {
  for (let round = 0; round < 200 && high - low > 1e-15 * Math.max(1, Math.abs(low)); round++) {
    const middle = (low + high) / 2;
    if (distribution(middle) < target) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The p-quantile of Beta(a, b). */
export function betaQuantile(p: number, a: number, b: number): number {
  return bisect(p, 0, 1, (x) => incompleteBeta(x, a, b));
}

/** Student's t distribution function. */
export function studentCdf(t: number, degrees: number): number {
  const tail = incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  return t > 0 ? 1 - tail : tail;
}

/** The p-quantile of Student's t. */
export function studentQuantile(p: number, degrees: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, degrees);
  let high = 1;
  while (studentCdf(high, degrees) < p) high *= 2;
  return bisect(p, 0, high, (t) => studentCdf(t, degrees));
}

/** The p-quantile of Fisher's F with `above` and `below` degrees of freedom. */
export function fQuantile(p: number, above: number, below: number): number {
  const x = betaQuantile(p, above / 2, below / 2);
  return (below * x) / (above * (1 - x));
}

/** P(F > f). */
export function fTail(f: number, above: number, below: number): number {
  return f <= 0 ? 1 : incompleteBeta(below / (below + above * f), below / 2, above / 2);
}

/** Standard normal distribution function, through the incomplete gamma function's series and fraction. */
export function normalCdf(z: number): number {
  const half = upperGamma(0.5, (z * z) / 2) / 2;
  return z > 0 ? 1 - half : half;
}

/** The p-quantile of the standard normal. */
export function normalQuantile(p: number): number {
  return bisect(p, -40, 40, normalCdf);
}

/** Regularised upper incomplete gamma function Q(a, x): the chi-squared tail is Q(k/2, x/2). */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - sum * front;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < 10_000; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}
