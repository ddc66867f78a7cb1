/**
 * What an online method is: how the answers of a rollout become items to train on, and the trainer that takes them. The rest
 * (prompts, sampling, rewards, scoring, batches, checkpoints) is the same for all.
 */
import type { Policy } from "../policy.js";
import type { BatchSource, Companion, Trainer } from "../trainer.js";
import type { Critic } from "./critic.js";
import type { OnlineBatch, OnlineItem } from "./item.js";
import type { RolloutRow } from "./rollout.js";
import type { Scored } from "./scorer.js";
import type { PromptRow } from "./prompts.js";
import type { GroupName, OnlineDefaults, OnlineSettings } from "./settings.js";

export interface Made {
  /** Rows of the loss, in order; those with `skip` are counted and not computed, because they give no gradient. */
  readonly items: readonly (OnlineItem & { readonly skip?: boolean })[];
  readonly metrics: Readonly<Record<string, number>>;
  /** Groups of answers that say something, for dynamic sampling. */
  readonly informative?: readonly number[];
  readonly criticOnly?: boolean;
}

export interface MakeContext {
  /** The rows' `logps` are what the trainer's graph computes; else they are the sampler's own. */
  readonly scored: boolean;
  /** Of the rollout, from 0. */
  readonly number: number;
  /** Answers of every prompt, side by side. */
  readonly samples: number;
  readonly prompts: readonly PromptRow[];
  /** Log-probabilities of other completions under policy and reference. */
  readonly score: (items: readonly OnlineItem[]) => Promise<Scored[]>;
  /** Further answers of the policy, judged by the reward. */
  readonly greedy: () => Promise<readonly number[]>;
  /** Answers of the reference, and their rewards. */
  readonly fromReference: () => Promise<OpponentAnswers>;
  /** Answers of the mixture of policy and reference (`mixture_coef`), and their rewards. */
  readonly fromMixture: () => Promise<OpponentAnswers>;
}

export interface OpponentAnswers {
  readonly tokens: readonly (readonly number[])[];
  readonly scores: readonly number[];
  readonly ended: readonly boolean[];
}

export interface Recipe {
  /**
   * Items need no log-probabilities of the policy as it was: where a rollout is one update, they are found in the update's own
   * graph, and the pass that would bring them is left out.
   */
  readonly fresh?: boolean;
  make(rows: readonly RolloutRow[], context: MakeContext): Promise<Made> | Made;
  trainer(o: {
    policy: Policy;
    critic: Critic | undefined;
    train: BatchSource<OnlineBatch>;
    companion: Companion;
  }): Trainer<OnlineBatch>;
  /** JSON-safe: controllers, baselines. */
  state?(): unknown;
  restore?(saved: unknown): void;
  /** After an update; true: leave the rest of the rollout. */
  leave?(metrics: Readonly<Record<string, number>>): boolean;
}

export interface OnlineMethodEntry {
  readonly title: string;
  readonly needs: string;
  readonly choose: string;
  readonly groups: readonly GroupName[];
  readonly defaults: OnlineDefaults;
  /** Learns from demonstrations beside its own answers. */
  readonly demonstrations: boolean;
  /** Needs a reward. */
  readonly rewarded: boolean;
  readonly critic: boolean;
  /** What a row of the loss is: an answer, or what a prompt's answers give together (a pair, the best). */
  readonly rowOf: "answer" | "prompt";
  readonly learningRate: number;
  readonly learningRateSource: string;
  recipe(settings: OnlineSettings): Recipe;
}
