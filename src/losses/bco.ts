/**
 * Binary classifier optimisation on unpaired data: completions classified as good or bad by their implicit reward,
 * against a running mean of all rewards.
 *
 *   good: L = -log sigmoid(r - delta);   bad: L = -log sigmoid(-(r - delta));   r = beta log pi/ref
 *   delta = running mean of r, this batch's included, without gradient
 *
 * Jung et al. 2024, "Binary Classifier Optimization for Large Language Model Alignment" (2404.04656), section 4, as TRL
 * 0.29's BCOTrainer without its weighting by prompt distribution. It needs the whole batch at once.
 */
import {
  add,
  constant,
  div,
  expand,
  mul,
  neg,
  softplus,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { needed } from "./needed.js";
import { beta, resolveOptions, type OptionsOf, type OptionSpec } from "./options.js";
import { rowMean } from "./sums.js";
import { byLabel, unpairedMetrics, unpairedRatios, type UnpairedInputs } from "./unpaired.js";

const update: OptionSpec<boolean> = {
  default: true,
  doc: "Put this batch into the running mean (false in evaluation).",
  source: "TRL BCOTrainer: in training",
};
export const BCO_OPTIONS = {
  beta: beta(0.01, "Strength of the pull towards the reference; larger stays closer.", {
    source: "BCO, appendix C",
  }),
  update,
} as const;
export type BcoOptions = OptionsOf<typeof BCO_OPTIONS>;

/** What the batch before left (`state`), each []; start with mean 0, variance 1, count 1e-24. */
export interface BcoInputs extends UnpairedInputs {
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly runningCount: Tensor;
}

interface Moments {
  mean: Tensor;
  variance: Tensor;
  count: Tensor;
}

/** Chan's parallel update: moments of what was seen before and of a batch, together. Population variance. */
function merge(a: Moments, b: Moments): Moments {
  const count = add(a.count, b.count);
  const gap = sub(b.mean, a.mean);
  const spread = add(
    add(mul(a.variance, a.count), mul(b.variance, b.count)),
    div(mul(square(gap), mul(a.count, b.count)), count),
  );
  return { mean: add(a.mean, div(mul(gap, b.count), count)), variance: div(spread, count), count };
}

/**
 * Loss [rows], in batch order, and the running moments in `state`.
 *
 * @example
 * const inputs = { logps: constant([-1, -3], [2, 1]), mask: constant(1, [2, 1]), refLogps: constant(-2, [2]) };
 * const running = { runningMean: constant(0), runningVar: constant(1), runningCount: constant(1e-24) };
 * const { loss } = bco({ ...inputs, ...running, desirable: constant([1, 0], [2]) }, { beta: 1 });
 * // loss = [0.3132616875182228, 0.3132616875182228]
 */
export function bco(inputs: BcoInputs, options: Partial<BcoOptions> = {}): LossResult {
  const { beta, update } = resolveOptions("losses.bco", BCO_OPTIONS, options);
  const { desirable, rowMask } = inputs;
  const { policy, ratio } = unpairedRatios("losses.bco", inputs);
  const reward = mul(ratio, beta);
  const seen = stopGradient(reward);
  const mean = rowMean(seen, rowMask);
  const batch: Moments = {
    mean,
    variance: rowMean(square(sub(seen, mean)), rowMask),
    count: rowMask === undefined ? constant(seen.shape[0]!) : sum(rowMask),
  };
  const running = (name: string): Tensor => needed("losses.bco", inputs, { name });
  const before = {
    mean: running("runningMean"),
    variance: running("runningVar"),
    count: running("runningCount"),
  };
  const after = update ? merge(before, batch) : before;
  const above = sub(reward, stopGradient(after.mean));
  const metrics = unpairedMetrics({ reward, policy }, desirable);
  return {
    ...metrics,
    loss: softplus(byLabel(desirable, neg(above), above)),
    metrics: { ...metrics.metrics, delta: expand(after.mean, reward.shape) },
    state: { runningMean: after.mean, runningVar: after.variance, runningCount: after.count },
  };
}
