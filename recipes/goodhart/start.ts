/** What the run begins with: a fine-tuned policy, and a reward model that is too small on purpose. Knows no RL. */
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

export interface StartOptions {
  backend: Backend;
  world: World;
  folder: string;
  seed: number;
  /** Judged pairs that the reward model learns from. */
  pairs: number;
}

/** Folders of the two models; made once, found again. */
export async function makeStart(o: StartOptions): Promise<{ policy: string; rewardModel: string }> {
  const policy = join(o.folder, "sft");
  const rewardModel = join(o.folder, `reward-${o.pairs}`);
  mkdirSync(join(o.folder, "data"), { recursive: true });
  if (!existsSync(policy)) {
    const rows = demonstrations(o.world, { count: 800, seed: o.seed });
    await train(o, { from: "models/tiny", to: policy, rows, epochs: 2, learningRate: 5e-4 });
  }
  if (!existsSync(rewardModel)) {
    const judged = collectJudgements(answerPairs(o.world, { count: o.pairs, seed: o.seed }), {
      seed: o.seed,
    });
    const { rows } = preferenceRows(judged);
    await train(o, { from: policy, to: rewardModel, rows, epochs: 6, learningRate: 5e-4, head: true });
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

async function train(o: StartOptions, s: Stage): Promise<void> {
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
