/**
 * Entropy of next-token distributions, H = -sum_v p(v) log p(v), for the bonus that keeps a policy exploring. Knows no
 * loss. Whole logits are for small vocabularies and tests: a trainer that trains the bonus needs [tokens, vocabulary].
 */
import { exp, logSoftmax, mul, neg, sum, type Tensor } from "../tensor/index.js";

/**
 * [..., vocabulary] -> [...], in nats.
 *
 * @example
 * const entropy = entropyFromLogits(constant([3, 3], [1, 2]));
 * // entropy = [0.6931471805599453]
 */
export function entropyFromLogits(logits: Tensor): Tensor {
  const logps = logSoftmax(logits);
  return neg(sum(mul(exp(logps), logps), { axes: [-1] }));
}
