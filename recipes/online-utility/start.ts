/** What a run begins with: a fine-tuned policy and a reward model of judged pairs, made once for each seed. Knows no RL. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Backend,
  exampleSource,
  fitToEnd,
  loadExamples,
  loadModel,
  reward,
  saveModelFolder,
  sft,
} from "attune";
import { answerPairs, collectJudgements, demonstrations, preferenceRows, type World } from "attune/evaluate";

export interface Start {
  policy: string;
  rewardModel: string;
}

/** Folders of the two models; found again where they are there. The quick start's sizes. */
export async function makeStart(o: {
  backend: Backend;
  world: World;
  folder: string;
  seed: number;
}): Promise<Start> {
  const { folder, seed, world } = o;
  const policy = join(folder, "sft");
  const rewardModel = join(folder, "reward");
  mkdirSync(folder, { recursive: true });
  if (!existsSync(policy)) {
    const rows = demonstrations(world, { count: 800, seed });
    await trainStage(o, { from: "models/tiny", to: policy, rows, epochs: 2, learningRate: 5e-4 });
  }
  if (!existsSync(rewardModel)) {
    const judged = collectJudgements(answerPairs(world, { count: 1500, seed }), { seed });
    const { rows } = preferenceRows(judged);
    await trainStage(o, { from: policy, to: rewardModel, rows, epochs: 1, learningRate: 1e-3, head: true });
  }
  return { policy, rewardModel };
}

interface Stage {
  from: string;
  to: string;
  rows: readonly unknown[];
  epochs: number;
  learningRate: number;
  head?: boolean;
}

/** SFT on demonstrations or, with `head`, a reward model on judged pairs; its rows are left beside the folder. */
export async function trainStage(o: { backend: Backend; seed: number }, s: Stage): Promise<void> {
  const file = `${s.to}.jsonl`;
  writeFileSync(file, s.rows.map((row) => JSON.stringify(row)).join("\n"));
  const model = await loadModel(s.from, { seed: o.seed, ...(s.head && { head: "sequence" as const }) });
  const kind = s.head ? "preference" : "demonstration";
  const source = exampleSource(await loadExamples(file, model, { kind }), {
    plan: { perDeviceBatchSize: 32, seed: o.seed },
  });
  const trainer = (s.head ? reward : sft)({ policy: model.policy, train: source });
  const { parameters } = await fitToEnd(trainer, {
    backend: o.backend,
    epochs: s.epochs,
    learningRate: s.learningRate,
    warmup: 0.1,
  });
  await saveModelFolder(s.to, model.policy.folder, { parameters, dtype: "F32" });
}
