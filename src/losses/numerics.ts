/** Stable scalar functions that several losses need. Knows nothing of losses. */
import {
  add,
  exp,
  less,
  log,
  logSigmoid,
  minimum,
  mul,
  neg,
  sub,
  where,
  type Tensor,
} from "../tensor/index.js";

/** sum of coefficients[k] * x^k, by Horner's rule. */
function polynomial(x: Tensor, coefficients: readonly number[]): Tensor {
  const [last, ...rest] = coefficients.toReversed();
  return rest.reduce<Tensor>((acc, c) => add(mul(acc, x), c), add(mul(x, 0), last!));
}

const terms = (count: number, at: (k: number) => number): number[] =>
  Array.from({ length: count }, (_, k) => at(k));
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** (e^x - 1) / x = sum x^k / (k+1)!, to the last digit of float64 for |x| <= 1/2. */
const EXPM1_RATIO = terms(14, (k) => 1 / factorial(k + 1));
/** -log(1 - e) / e = sum e^k / (k+1), to the last digit for e <= 1/20. */
const LOG1P_RATIO = terms(12, (k) => 1 / (k + 1));

const NEAR_ZERO = -0.5;
const FAR_BELOW = -3;

/**
 * log(1 - e^x) for x < 0, stable near 0 and far below: there is no expm1 or log1p op, so that each of three ranges
 * has its own form, and each form sees only arguments it can take (else gradients would be 0 * Infinity).
 * x = 0, a probability of exactly 1, is taken as -1e-30: the result is -69 and not -Infinity.
 */
export function log1mexp(x: Tensor): Tensor {
  const safe = minimum(x, -1e-30);
  const near = less(NEAR_ZERO, safe);
  const far = less(safe, FAR_BELOW);
  const a = where(near, safe, NEAR_ZERO);
  const atNear = add(log(neg(a)), log(polynomial(a, EXPM1_RATIO)));
  const e = exp(where(far, safe, FAR_BELOW));
  const atFar = neg(mul(e, polynomial(e, LOG1P_RATIO)));
  const middle = log(sub(1, exp(where(near, NEAR_ZERO, where(far, FAR_BELOW, safe)))));
  return where(near, atNear, where(far, atFar, middle));
}

/** -(1 - s) log sigmoid(x) - s log sigmoid(-x): the logistic loss whose label is flipped with probability s. */
export function smoothedLogistic(x: Tensor, smoothing: number): Tensor {
  const clean = neg(logSigmoid(x));
  if (smoothing === 0) return clean;
  return add(mul(clean, 1 - smoothing), mul(logSigmoid(neg(x)), -smoothing));
}
