/** The settings of each method's run: few and small rollouts, so that a run takes minutes on one core. */
import type { OnlineSettings } from "attune";

export interface RunSettings {
  rollouts: number;
  learningRate: number;
  settings: Partial<OnlineSettings>;
}

/** Answers of a rollout. */
export const answers = 128;

/** Four answers to each of 32 questions, two updates a rollout. */
const groups = { num_generations: 4, per_device_train_batch_size: 64, num_mini_batches: 2 };

export const runSettings = {
  // Two passes of two updates.
  ppo: {
    rollouts: 12,
    learningRate: 3e-4,
    settings: { per_device_train_batch_size: 64, num_mini_batches: 2, num_iterations: 2, kl_coef: 0.1 },
  },
  rloo: { rollouts: 12, learningRate: 4e-4, settings: { ...groups, beta: 0.1 } },
  grpo: { rollouts: 12, learningRate: 4e-4, settings: { ...groups, beta: 0.1 } },
  // The best and the worst of four answers: 32 pairs a rollout.
  "online-dpo": {
    rollouts: 12,
    learningRate: 4e-4,
    settings: { num_generations: 4, per_device_train_batch_size: 16, num_mini_batches: 2, beta: 0.3 },
  },
} as const satisfies Record<string, RunSettings>;

export type MeasuredMethod = keyof typeof runSettings;

export const isMeasured = (name: string): name is MeasuredMethod => name in runSettings;
