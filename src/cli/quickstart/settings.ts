/** What the quick start can be told, declared once, and the sizes of its stages. Knows no stage. */
import { z } from "zod";
import { AttuneError } from "../../errors.js";

export const quickstartSchema = z.strictObject({
  seed: z.int().min(0).default(42).describe("everything random follows from it (default: transformers' 42)"),
  output: z
    .string()
    .min(1)
    .optional()
    .describe(
      "folder for models, data, logs and report (default: ./attune-runs/quickstart-N, the next free N)",
    ),
  prompts: z
    .int()
    .min(10)
    .max(2000)
    .optional()
    .describe(
      "prompts that the models are compared on, none of them seen in training (default: 300; quick: 24)",
    ),
  threads: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe("threads of the engine (default: the cores, at most 8)"),
  quick: z
    .boolean()
    .default(false)
    .describe("a few steps of everything, to see that it runs; the results mean nothing"),
  model: z
    .string()
    .min(1)
    .optional()
    .describe("folder of another base model trained on the built-in world (default: the built-in model)"),
});

export type QuickstartOptions = z.input<typeof quickstartSchema>;

/** How much of everything: what shows clear effects of the built-in model in well under two minutes on two cores. */
export interface Sizes {
  /** Answers written by people, for fine-tuning. */
  demonstrations: number;
  /** Questions with two sampled answers each, for people to judge. */
  pairs: number;
  /** Of these, judged pairs that no training sees: where the reward model is measured. */
  heldOutPairs: number;
  judgesPerPair: number;
  /** Prompts of the comparison. */
  prompts: number;
  /** Answers of each model to each of them. */
  samples: number;
  maxNewTokens: number;
}

/** Settings of a stage's training, as they are printed and written down. */
export interface Training {
  epochs: number;
  /** Rows (pairs) a step. */
  batchSize: number;
  learningRate: number;
}

/** Settings of PPO, which has rollouts where the others have epochs. */
export interface PpoTraining {
  rollouts: number;
  /** Answers of a rollout, one a prompt. */
  answers: number;
  /** Updates of one pass over a rollout, and passes. */
  miniBatches: number;
  passes: number;
  learningRate: number;
  /** Weight of the KL against the SFT model. */
  klCoef: number;
}

export interface Plan extends Sizes {
  sft: Training;
  reward: Training;
  dpo: Training & { beta: number };
  ppo: PpoTraining;
}

const full: Plan = {
  demonstrations: 800,
  pairs: 1500,
  heldOutPairs: 300,
  judgesPerPair: 3,
  prompts: 300,
  samples: 3,
  maxNewTokens: 64,
  sft: { epochs: 2, batchSize: 32, learningRate: 5e-4 },
  reward: { epochs: 1, batchSize: 32, learningRate: 1e-3 },
  dpo: { epochs: 2, batchSize: 32, learningRate: 2e-4, beta: 0.3 },
  ppo: { rollouts: 16, answers: 128, miniBatches: 2, passes: 2, learningRate: 3e-4, klCoef: 0.1 },
};

const quick: Plan = {
  demonstrations: 64,
  pairs: 96,
  heldOutPairs: 32,
  judgesPerPair: 3,
  prompts: 24,
  samples: 1,
  maxNewTokens: 32,
  sft: { ...full.sft, epochs: 1, batchSize: 16 },
  reward: { ...full.reward, epochs: 1, batchSize: 16 },
  dpo: { ...full.dpo, epochs: 1, batchSize: 16 },
  ppo: { ...full.ppo, rollouts: 2, answers: 16 },
};

export interface Settings {
  seed: number;
  output: string | undefined;
  threads: number | undefined;
  quick: boolean;
  model: string | undefined;
  plan: Plan;
}

/** Checks the options. Throws `config` naming the option. */
export function readSettings(options: QuickstartOptions): Settings {
  const parsed = quickstartSchema.safeParse(options);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const unknown = issue.code === "unrecognized_keys";
    const name = unknown ? issue.keys.join(", ") : issue.path.join(".");
    const given = options as Readonly<Record<string, unknown>>;
    throw new AttuneError("config", {
      where: `quickstart: ${name}`,
      expected: unknown ? `one of ${Object.keys(quickstartSchema.shape).join(", ")}` : issue.message,
      got: unknown ? name : (JSON.stringify(given[name]) ?? "nothing"),
    });
  }
  const { prompts, seed, output, threads, model, ...rest } = parsed.data;
  const sizes = rest.quick ? quick : full;
  return {
    seed,
    output,
    threads,
    model,
    quick: rest.quick,
    plan: { ...sizes, prompts: prompts ?? sizes.prompts },
  };
}
