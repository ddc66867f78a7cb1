/**
 * Generalised advantage estimation over the tokens of each answer.
 *
 *   delta_t = r_t + gamma V_{t+1} - V_t,   A_t = delta_t + gamma lambda A_{t+1},   R_t = A_t + V_t
 *
 * After the last token the value is 0 where the answer ended, and `bootstrapValues` where it was cut off.
 * Schulman et al. 2016 (1506.02438), eq. 16.
 *
 * Deviations: 1. whitened rewards end with the answer; TRL's whitening puts rewards on its padding, which flow back.
 */
import { checkCount, checkRows, type TokenRows } from "./rows.js";
import { whiten } from "./whiten.js";

export interface GaeInputs {
  readonly rewards: TokenRows;
  /** The critic's, of the same lengths. */
  readonly values: TokenRows;
  /** One a row: whether it was cut off before its end. Default: none was. */
  readonly truncated?: readonly boolean[];
  /** One a row: the critic's value after the last token, read where the row was cut off. */
  readonly bootstrapValues?: ArrayLike<number>;
}

export interface GaeOptions {
  /** Discount of later rewards. Default 1 (TRL PPOConfig.gamma). */
  gamma?: number;
  /** Between one step (0) and the whole return (1). Default 0.95 (TRL PPOConfig.lam). */
  lam?: number;
  /** Whitens rewards first, keeping their mean. Default false (TRL PPOConfig.whiten_rewards). */
  whitenRewards?: boolean;
  /** Whitens advantages over all tokens. Default true (TRL). */
  whitenAdvantages?: boolean;
}

export interface Advantages {
  /** What the policy loss takes. */
  readonly advantages: Float64Array[];
  /** What the critic learns. */
  readonly returns: Float64Array[];
  /** Before whitening. */
  readonly rawAdvantages: Float64Array[];
}

/** Throws `usage` where rows do not fit, or a row is cut off and has no bootstrap value. */
export function generalisedAdvantages(inputs: GaeInputs, options: GaeOptions = {}): Advantages {
  const { gamma = 1, lam = 0.95, whitenRewards = false, whitenAdvantages = true } = options;
  const { values, truncated, bootstrapValues } = inputs;
  const where = "advantages.generalisedAdvantages";
  checkRows(where, inputs.rewards, { values });
  checkCount(where, values.length, { truncated, bootstrapValues });
  const cut = (row: number): boolean => truncated?.[row] === true;
  if (bootstrapValues === undefined && truncated?.some(Boolean))
    checkCount(where, values.length, { bootstrapValues: [] });
  const rewards: TokenRows = whitenRewards ? whiten(inputs.rewards, { shiftMean: false }) : inputs.rewards;
  const rawAdvantages = rewards.map((row, r) => {
    const result = new Float64Array(row.length);
    let next = cut(r) ? bootstrapValues![r]! : 0;
    let running = 0;
    for (let t = row.length - 1; t >= 0; t--) {
      const value = values[r]![t]!;
      running = row[t]! + gamma * next - value + gamma * lam * running;
      result[t] = running;
      next = value;
    }
    return result;
  });
  return {
    rawAdvantages,
    returns: rawAdvantages.map((row, r) => row.map((a, t) => a + values[r]![t]!)),
    advantages: whitenAdvantages ? whiten(rawAdvantages) : rawAdvantages,
  };
}
