/**
 * What the run begins with: a fine-tuned policy, a reward model of too few pairs, and a better one that is held out for the
 * guard. Knows no RL.
 */
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
  /** Judged pairs of the held-out reward model, about other questions. */
  heldOutPairs: number;
}

export interface Start {
  policy: string;
  rewardModel: string;
  heldOut: string;
}

/** Folders of the three models; made once, found again. */
export async function makeStart(o: StartOptions): Promise<Start> {
  const { folder, seed, world } = o;
  const policy = join(folder, "sft");
  const rewardModel = join(folder, `reward-${o.pairs}`);
  const heldOut = join(folder, `held-out-${o.heldOutPairs}`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(policy)) {
    const rows = demonstrations(world, { count: 800, seed });
    await train(o, { from: "models/tiny", to: policy, rows, epochs: 2, learningRate: 5e-4 });
  }
  // One draw, cut in two: no question is in both.
  const pairs = answerPairs(world, { count: o.pairs + o.heldOutPairs, seed });
  const { rows: few } = preferenceRows(collectJudgements(pairs.slice(0, o.pairs), { seed }));
  const { rows: many } = preferenceRows(collectJudgements(pairs.slice(o.pairs), { seed: seed + 1 }));
  if (!existsSync(rewardModel))
    await train(o, { from: policy, to: rewardModel, rows: few, epochs: 6, learningRate: 5e-4, head: true });
  if (!existsSync(heldOut))
    await train(o, { from: policy, to: heldOut, rows: many, epochs: 2, learningRate: 1e-3, head: true });
  return { policy, rewardModel, heldOut };
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
