/** The settings of each method's run: 256 answers a rollout, and rollouts for a few minutes on two cores. */
import type { OnlineSettings } from "attune";

export interface RunSettings {
  rollouts: number;
  learningRate: number;
  settings: Partial<OnlineSettings>;
}

/** Answers of a rollout. */
export const answers = 256;

/** Two updates a rollout. */
const groups = {
  num_generations: 4,
  per_device_train_batch_size: 64,
  gradient_accumulation_steps: 2,
  num_mini_batches: 2,
};

export const runSettings = {
  ppo: {
    rollouts: 8,
    learningRate: 3e-4,
    settings: {
      per_device_train_batch_size: 64,
      gradient_accumulation_steps: 2,
      num_mini_batches: 2,
      num_iterations: 2,
      kl_coef: 0.1,
    },
  },
  rloo: { rollouts: 8, learningRate: 4e-4, settings: { ...groups, beta: 0.1 } },
  grpo: { rollouts: 8, learningRate: 4e-4, settings: { ...groups, beta: 0.1 } },
  "online-dpo": {
    rollouts: 8,
    learningRate: 4e-4,
    settings: { num_generations: 4, per_device_train_batch_size: 32, num_mini_batches: 2, beta: 0.3 },
  },
} as const satisfies Record<string, RunSettings>;

export type MeasuredMethod = keyof typeof runSettings;

export const isMeasured = (name: string): name is MeasuredMethod => name in runSettings;
