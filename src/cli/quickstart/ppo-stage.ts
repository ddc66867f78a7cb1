/**
 * The classic path: PPO against the reward model, with the KL to the SFT model taken off the reward. Knows no other stage; the
 * true utility is not shown to it.
 */
import { createPolicy, trainOnline } from "../../train/index.js";
import { openModel } from "../../models/index.js";
import { modelReward } from "../../rewards/index.js";
import type { PreferenceRow } from "../../evaluate/index.js";
import type { Tokenizer } from "../../text/index.js";
import { openFrozen } from "./models.js";
import type { PpoTraining } from "./settings.js";
import { followStage, type StageContext, type Trained } from "./train-stage.js";

export interface PpoStageOptions {
  /** Folders of the SFT model and of the reward model. */
  start: string;
  rewardModel: string;
  /** Its prompts are asked. */
  rows: readonly PreferenceRow[];
  tokenizer: Tokenizer;
  training: PpoTraining;
  maxNewTokens: number;
  context: StageContext;
}

export async function ppoStage(o: PpoStageOptions): Promise<Trained> {
  const { training: t, tokenizer, context } = o;
  const { backend, seed, folder, signal } = context;
  const model = await openFrozen(backend, o.rewardModel);
  const reward = modelReward("reward", { backend, model, tokenizer });
  const policy = createPolicy(await openModel(o.start), { seed });
  const reports = trainOnline({
    backend,
    method: "ppo",
    policy,
    tokenizer,
    reward,
    prompts: o.rows.map(({ id, prompt }) => ({ id, prompt })),
    settings: {
      kl_coef: t.klCoef,
      per_device_train_batch_size: t.answers / t.miniBatches,
      num_mini_batches: t.miniBatches,
      num_iterations: t.passes,
      total_episodes: t.rollouts * t.answers,
      max_completion_length: o.maxNewTokens,
      seed,
    },
    fit: {
      learningRate: t.learningRate,
      schedule: "linear",
      recompute: "none",
      detailSteps: 0,
      output: folder,
      saveTotalLimit: 1,
      fingerprint: { seed: String(seed) },
      signal,
    },
  });
  try {
    return await followStage(reports, { policy, context });
  } finally {
    await reward.close?.();
    await model.free();
  }
}
