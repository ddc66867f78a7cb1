/**
 * Estimates of KL(policy || reference) from the log-probabilities of sampled tokens. Knows no loss.
 *
 * With d = log ref - log policy of a token that the policy sampled:
 *
 *   k1 = -d            unbiased, high variance, negative for half the tokens
 *   k2 = d^2 / 2       biased, low variance; its *gradient* is the unbiased one of the KL
 *   k3 = e^d - 1 - d   unbiased, low variance, never negative; its gradient is not that of the KL
 *   abs = |d|
 *   k1+, k3+           the value of k1 or k3 with the gradient of k2 (straight-through)
 *
 * Schulman 2020, "Approximating KL divergence" (http://joschu.net/blog/kl-approx.html); the straight-through forms are
 * verl's, after Tang and Munos 2025 (2506.09477), who show that k3 used as a loss follows another gradient.
 */
import {
  abs,
  add,
  exp,
  logSoftmax,
  minimum,
  mul,
  neg,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../tensor/index.js";

export const KL_ESTIMATORS = ["k1", "k2", "k3", "abs", "k1+", "k3+"] as const;
export type KlEstimator = (typeof KL_ESTIMATORS)[number];

/** e^80 is the last round power that float32 can still multiply by something. */
const LARGEST_EXPONENT = 80;

/**
 * One estimate a token, of the shape of `logps`; no gradient flows into the reference.
 *
 * @example
 * const kl = klEstimate(constant([-1, -2], [2]), constant([-1, -3], [2]), "k2");
 * // kl = [0, 0.5]
 */
export function klEstimate(logps: Tensor, refLogps: Tensor, estimator: KlEstimator): Tensor {
  const d = sub(stopGradient(refLogps), logps);
  const k2 = mul(square(d), 0.5);
  switch (estimator) {
    case "k1":
      return neg(d);
    case "k2":
      return k2;
    case "k3":
      return sub(sub(exp(minimum(d, LARGEST_EXPONENT)), 1), d);
    case "abs":
      return abs(d);
    case "k1+":
    case "k3+": {
      const value = klEstimate(logps, refLogps, estimator === "k1+" ? "k1" : "k3");
      return add(stopGradient(sub(value, k2)), k2);
    }
  }
}

/** Two estimates side by side, as metrics: k1 below 0 with k3 near 0 says that samples are not the policy's. */
export const klDiagnostics = (logps: Tensor, refLogps: Tensor): Record<string, Tensor> => ({
  "diag/kl_k1": klEstimate(logps, refLogps, "k1"),
  "diag/kl_k3": klEstimate(logps, refLogps, "k3"),
});

/**
 * KL(policy || reference) from whole logits, exactly: [..., vocabulary] twice -> [...].
 *
 * @example
 * const kl = fullKl(constant([0, 0], [1, 2]), constant([0, 1], [1, 2]));
 * // kl = [0.1201145069582775]
 */
export function fullKl(logits: Tensor, refLogits: Tensor): Tensor {
  const p = logSoftmax(logits);
  return sum(mul(exp(p), sub(p, stopGradient(logSoftmax(refLogits)))), { axes: [-1] });
}
