/**
 * Regression of rewards on scores: one score a row, or several attributes of which some are missing (HelpSteer).
 *
 *   L = (r - y)^2;  with attributes, the mean over those present
 *
 * Wang et al. 2023, HelpSteer (2311.09528).
 */
import { square, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { keep } from "./sums.js";

export interface RegressionInputs {
  readonly rewards: Tensor; // [rows] or [rows, attributes]
  readonly targets: Tensor; // the same
  /** [rows, attributes], 1 where the score is present. Needed with attributes. */
  readonly mask?: Tensor;
}

/**
 * Loss [rows]; with attributes [rows, attributes], whose sum is divided by the number of scores present in the batch,
 * as a loss per token is.
 *
 * @example
 * const { loss } = rewardRegression({ rewards: constant([1, 2], [2]), targets: constant([0, 4], [2]) });
 * // loss = [1, 4]
 */
export function rewardRegression({ rewards, targets, mask }: RegressionInputs): LossResult {
  const error = square(sub(rewards, targets));
  return { loss: mask === undefined ? error : keep(error, mask), metrics: {} };
}
