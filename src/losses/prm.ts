/**
 * Process reward models: a label at the end of every step.
 *
 *   prm:      two logits a token; L_t = -log softmax(z_t)[y_t], y = 1 for a good step
 *   prmSoft:  one logit a token; L_t = -y log sigmoid(z) - (1 - y) log sigmoid(-z), y the share of good continuations
 *
 * Uesato et al. 2022 (2211.14275); Lightman et al. 2023 (2305.20050); soft labels: Wang et al. 2023, Math-Shepherd
 * (2312.08935). Labels judge the token they stand at; nothing is shifted.
 *
 * Deviations: 1. no label at all gives 0; `transformers` gives NaN.
 */
import {
  argmax,
  cast,
  div,
  equal,
  logSoftmax,
  mul,
  neg,
  softplus,
  sub,
  take,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { keep, rowCount, rowLength, rowSum } from "./sums.js";

export interface PrmInputs {
  readonly logits: Tensor; // [rows, tokens, 2]
  readonly labels: Tensor; // [rows, tokens] int32, 0 or 1; anything where the mask is 0
  readonly mask: Tensor; // [rows, tokens], 1 at the end of a judged step
}

export interface PrmSoftInputs {
  readonly rewards: Tensor; // [rows, tokens]
  readonly targets: Tensor; // [rows, tokens], in [0, 1]
  readonly mask: Tensor; // [rows, tokens], 1 at the end of a judged step
}

const rowAccuracy = (correct: Tensor, mask: Tensor): Pick<LossResult, "metrics" | "metricRules"> => ({
  metrics: { accuracy: div(rowSum(correct, mask), rowLength(mask)) },
  metricRules: { accuracy: { weight: rowCount(mask) } },
});

/**
 * Loss [rows, tokens], zero but at judged steps; its sum is divided by their number.
 *
 * @example
 * const labels = constant([1], [1, 1], "int32");
 * const { loss } = prm({ logits: constant([0, 1], [1, 1, 2]), labels, mask: constant(1, [1, 1]) });
 * // loss = [0.3132616875182228]
 */
export function prm({ logits, labels, mask }: PrmInputs): LossResult {
  const safe = cast(mul(cast(labels, "float32"), mask), "int32");
  const correct = cast(equal(argmax(logits), safe), "float32");
  return { loss: keep(neg(take(logSoftmax(logits), safe)), mask), ...rowAccuracy(correct, mask) };
}

/**
 * Loss [rows, tokens], zero but at judged steps; its sum is divided by their number.
 *
 * @example
 * const { loss } = prmSoft({ rewards: constant([0], [1, 1]), targets: constant([0.3], [1, 1]), mask: constant(1, [1, 1]) });
 * // loss = [0.6931471805599453]
 */
export function prmSoft({ rewards, targets, mask }: PrmSoftInputs): LossResult {
  // -y log sigmoid(z) - (1 - y) log sigmoid(-z) = softplus(z) - y z
  return { loss: keep(sub(softplus(rewards), mul(targets, rewards)), mask), metrics: {} };
}
