/** The answers of one rollout with everything that is known of them, and what the log says of them. Knows no method. */
import { momentsOf } from "../../losses/index.js";
import type { PromptRow } from "./prompts.js";

export interface RolloutRow {
  readonly id: string;
  readonly prompt: PromptRow;
  /** With the stop token that ended it. */
  readonly tokens: readonly number[];
  /** Without it. */
  readonly text: string;
  /** It ended by itself, and was not cut off. */
  readonly ended: boolean;
  /** Log-probability of each token as the sampler drew it. */
  readonly samplerLogps: ArrayLike<number>;
  /** As the trainer's graph computes it; the sampler's own where that pass is left out. */
  readonly logps: ArrayLike<number>;
  readonly refLogps: ArrayLike<number>;
  /** The critic's value before each token, and after the last; without a critic empty and 0. */
  readonly values: ArrayLike<number>;
  readonly lastValue: number;
  /** NaN where the reward does not apply. */
  readonly score: number;
  readonly components: Readonly<Record<string, number>>;
}

/** What `onRollout` is told. Arrays have one entry an answer, answers to one prompt side by side. */
export interface RolloutReport {
  /** Number of the rollout, from 0. */
  readonly rollout: number;
  readonly prompts: readonly PromptRow[];
  readonly texts: readonly string[];
  readonly rewards: Float64Array;
  readonly components: Readonly<Record<string, Float64Array>>;
  /** Sum over the answer's tokens of log policy - log reference, nats. */
  readonly kl: Float64Array;
  /** Tokens. */
  readonly lengths: readonly number[];
  readonly ended: readonly boolean[];
  /** Minus the sum of the tokens' log-probabilities, nats. */
  readonly entropies: Float64Array;
  readonly metrics: Readonly<Record<string, number>>;
}

export const total = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b, 0);

export const klOfRow = ({ logps, refLogps }: RolloutRow): number => total(logps) - total(refLogps);

/** Lengths, KL, entropy and rewards under TRL's names: means over answers, of sums over real tokens. */
export function rolloutMetrics(rows: readonly RolloutRow[], rewardName: string): Record<string, number> {
  const lengths = rows.map(({ tokens }) => tokens.length);
  const whole = rows.filter(({ ended }) => ended).map(({ tokens }) => tokens.length);
  const mean = (list: readonly number[]): number => momentsOf(list).mean;
  const ends = (list: readonly number[], of: (...x: number[]) => number): number =>
    list.length === 0 ? 0 : of(...list);
  const scores = rows.map(({ score }) => score);
  const names = [...new Set(rows.flatMap(({ components }) => Object.keys(components)))];
  const parts = names.map((name) => [name, rows.map((row) => row.components[name] ?? Number.NaN)] as const);
  const rewards: Record<string, number> = {};
  for (const [name, list] of [[rewardName, scores] as const, ...parts]) {
    rewards[`rewards/${name}/mean`] = mean(list);
    rewards[`rewards/${name}/std`] = Math.sqrt(momentsOf(list).variance);
  }
  return {
    "objective/kl": mean(rows.map(klOfRow)),
    "objective/entropy": mean(rows.map(({ logps }) => -total(logps))),
    "objective/scores": mean(scores),
    reward: mean(scores),
    reward_std: Math.sqrt(momentsOf(scores).variance),
    ...rewards,
    "completions/mean_length": mean(lengths),
    "completions/min_length": ends(lengths, Math.min),
    "completions/max_length": ends(lengths, Math.max),
    "completions/mean_terminated_length": mean(whole),
    "completions/min_terminated_length": ends(whole, Math.min),
    "completions/max_terminated_length": ends(whole, Math.max),
    "completions/clipped_ratio": rows.length === 0 ? 0 : 1 - whole.length / rows.length,
    "val/num_eos_tokens": whole.length,
  };
}

/** How far the trainer's log-probabilities are from the sampler's own, over all tokens, under TRL's names; nothing where none are known. */
export function samplerGap(rows: readonly RolloutRow[]): Record<string, number> {
  const gaps = rows
    .filter(({ tokens, samplerLogps }) => samplerLogps.length === tokens.length)
    .flatMap(({ logps, samplerLogps }) => Array.from(logps, (x, t) => Math.abs(x - samplerLogps[t]!)));
  if (gaps.length === 0) return {};
  return {
    "sampling/sampling_logp_difference/mean": momentsOf(gaps).mean,
    "sampling/sampling_logp_difference/max": gaps.reduce((a, b) => Math.max(a, b)),
  };
}

export function reportOf(
  rollout: number,
  rows: readonly RolloutRow[],
  metrics: Readonly<Record<string, number>>,
): RolloutReport {
  const names = [...new Set(rows.flatMap(({ components }) => Object.keys(components)))];
  return {
    rollout,
    prompts: rows.map(({ prompt }) => prompt),
    texts: rows.map(({ text }) => text),
    rewards: Float64Array.from(rows, ({ score }) => score),
    components: Object.fromEntries(
      names.map((name) => [name, Float64Array.from(rows, (row) => row.components[name] ?? Number.NaN)]),
    ),
    kl: Float64Array.from(rows, klOfRow),
    lengths: rows.map(({ tokens }) => tokens.length),
    ended: rows.map(({ ended }) => ended),
    entropies: Float64Array.from(rows, ({ logps }) => -total(logps)),
    metrics,
  };
}
