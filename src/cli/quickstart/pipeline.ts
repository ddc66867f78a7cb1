/** The quick start's stages one after the other: data in, models and measurements out. Says what it does; draws no report. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ortBackend } from "../../backends/index.js";
import { AttuneError } from "../../errors.js";
import {
  rewardAccuracy,
  type RewardAccuracy,
  sequenceRewards,
  createWorld,
  demonstrations,
  drawQuestions,
  judgedRecords,
  tasteOfPeople,
  utility,
  type DemonstrationRow,
  type PreferenceRow,
  type World,
} from "../../evaluate/index.js";
import { openModel } from "../../models/index.js";
import { createPolicy, preference, reward, sft } from "../../train/index.js";
import type { Backend } from "../../tensor/index.js";
import { chatTemplateOf, loadTokenizer, stopTokenIds, type Tokenizer } from "../../text/index.js";
import {
  compareModels,
  modelNames,
  unseenQuestions,
  type Comparison,
  type ModelName,
} from "./compare-stage.js";
import { toExamples } from "./examples.js";
import { judgeAnswers, type JudgedStage } from "./judge-stage.js";
import { openFrozen } from "./models.js";
import type { Narrator } from "./narrator.js";
import { ppoStage } from "./ppo-stage.js";
import { writeRows, type WrittenFile } from "./run-folder.js";
import { sampleAnswers, type ModelAnswer } from "./sample-answers.js";
import type { Settings } from "./settings.js";
import type { Outcome } from "./outcome.js";
import { stageSources, trainStage, type StageContext, type Trained } from "./train-stage.js";
import {
  agreementSentence,
  dpoSentence,
  judgingSentence,
  ppoSentence,
  rewardSentence,
  sftSentence,
  times,
} from "./words.js";

/** Beside the compiled code, and beside the sources: the two lie equally deep. */
export const builtInModel = fileURLToPath(new URL("../../../models/tiny", import.meta.url));

interface Bench {
  settings: Settings;
  folder: string;
  narrator: Narrator;
  backend: Backend;
  world: World;
  base: string;
  tokenizer: Tokenizer;
  stopTokens: readonly number[];
  signal: AbortSignal | undefined;
}

export interface PipelineOptions {
  settings: Settings;
  folder: string;
  narrator: Narrator;
  signal: AbortSignal | undefined;
}

export async function runPipeline(options: PipelineOptions): Promise<Outcome> {
  const { settings } = options;
  const base = settings.model ?? builtInModel;
  const tokenizer = await loadTokenizer(base);
  const stopTokens = await stopTokenIds(tokenizer, chatTemplateOf(tokenizer));
  const backend = ortBackend(settings.threads === undefined ? {} : { threads: settings.threads });
  try {
    return await runStages({ ...options, base, tokenizer, stopTokens, backend, world: createWorld() });
  } finally {
    await backend.close();
  }
}

async function runStages(bench: Bench): Promise<Outcome> {
  const files: WrittenFile[] = [];
  const judged = await judgeStage(bench, files);
  const tuned = await sftStage(bench, files);
  const rewarded = await rewardStage(bench, { judged, start: tuned.model });
  const preferred = await dpoStage(bench, { judged, start: tuned.model });
  const reinforced = await classicStage(bench, { judged, start: tuned.model, rewardModel: rewarded.model });
  const paths: Record<ModelName, string> = {
    base: bench.base,
    sft: tuned.model,
    dpo: preferred.model,
    ppo: reinforced.model,
  };
  const comparison = await compareStage(bench, { paths, rewardModel: rewarded.model });
  for (const name of modelNames)
    files.push(await writeRows(bench.folder, `data/answers-${name}.jsonl`, comparison.answers[name]));
  return {
    base: bench.base,
    judged,
    sft: tuned,
    reward: rewarded,
    dpo: preferred,
    ppo: reinforced,
    comparison,
    files,
  };
}

async function judgeStage(bench: Bench, files: WrittenFile[]): Promise<JudgedStage> {
  const { narrator, settings, world, folder } = bench;
  const { plan, seed } = settings;
  narrator.stage("People compare answers");
  narrator.say(
    `The base model answers ${plan.pairs} questions about a small made-up world, twice each. Of five simulated people with ` +
      `different tastes, ${plan.judgesPerPair} say which of the two they like better.`,
  );
  const questions = drawQuestions(world, { count: plan.pairs, seed, stream: "pair-questions" });
  const answers = await sampleFrom(bench, { path: bench.base, questions, samples: 2, stream: 1 });
  const judged = judgeAnswers(answers, { ...plan, seed });
  files.push(await writeRows(folder, "data/preferences.jsonl", judged.train));
  files.push(await writeRows(folder, "data/preferences-held-out.jsonl", judged.heldOut));
  files.push(await writeRows(folder, "data/judgements.jsonl", judgedRecords(judged.judged).judgements));
  narrator.say(judgingSentence(judged));
  narrator.say(agreementSentence(judged));
  return judged;
}

async function sftStage(bench: Bench, files: WrittenFile[]): Promise<Trained> {
  const { narrator, settings, tokenizer, world, folder } = bench;
  const { plan, seed } = settings;
  narrator.stage("Supervised fine-tuning (SFT): imitate good answers");
  narrator.say(
    `The model learns from ${plan.demonstrations} answers that people wrote: most are right and plain, some are not.`,
  );
  const rows = demonstrations(world, { count: plan.demonstrations, seed });
  files.push(await writeRows(folder, "data/demonstrations.jsonl", rows));
  const examples = await toExamples(tokenizer, rows.map(demonstrationRow));
  const held = Math.max(1, Math.round(examples.length / 10));
  const sources = stageSources(examples.slice(held), {
    training: plan.sft,
    evaluation: examples.slice(0, held),
    seed,
  });
  const policy = createPolicy(await openModel(bench.base), { seed });
  const trained = await trainStage(sft({ policy, ...sources }), {
    training: plan.sft,
    context: stageContext(bench, "sft"),
  });
  narrator.say(sftSentence(trained));
  return trained;
}

interface FromSft {
  judged: JudgedStage;
  start: string;
}

async function rewardStage(bench: Bench, { judged, start }: FromSft): Promise<Outcome["reward"]> {
  const { narrator, settings, backend } = bench;
  const { plan, seed } = settings;
  narrator.stage("Reward model: learn to tell which answer people like");
  narrator.say(
    "A copy of the SFT model learns to give the answer that people chose the higher number (Bradley-Terry).",
  );
  const sources = await pairSources(bench, { judged, training: plan.reward });
  const policy = createPolicy(await openModel(start, { head: "sequence" }), { seed });
  const trained = await trainStage(reward({ policy, ...sources }), {
    training: plan.reward,
    context: stageContext(bench, "reward"),
  });
  const model = await openFrozen(backend, trained.model);
  const held = await toExamples(bench.tokenizer, judged.heldOut.map(pairRow));
  const scores = await sequenceRewards(held, { backend, model });
  await model.free();
  const measured = {
    ...trained,
    accuracy: rewardAccuracy(scores.map(([chosen, rejected]) => ({ chosen: chosen!, rejected: rejected! }))),
    ceiling: noiseCeiling(bench.world, judged.heldOut),
  };
  narrator.say(rewardSentence(measured));
  return measured;
}

/** How often the people's own true utility agrees with the majority of their noisy votes. */
function noiseCeiling(world: World, rows: readonly PreferenceRow[]): RewardAccuracy {
  const taste = tasteOfPeople();
  return rewardAccuracy(
    rows.map(({ prompt, chosen, rejected }) => {
      const question = world.find(prompt[0].content)!;
      return {
        chosen: utility(question, chosen[0].content, taste),
        rejected: utility(question, rejected[0].content, taste),
      };
    }),
  );
}

async function dpoStage(bench: Bench, { judged, start }: FromSft): Promise<Trained> {
  const { narrator, settings } = bench;
  const { plan, seed } = settings;
  narrator.stage("Direct preference optimisation (DPO): make liked answers likelier");
  narrator.say("The SFT model learns from the judged pairs themselves, held close to where it started.");
  const sources = await pairSources(bench, { judged, training: plan.dpo });
  const policy = createPolicy(await openModel(start), { seed });
  const trainer = preference({ policy, ...sources, lossType: "sigmoid", loss: { beta: plan.dpo.beta } });
  const trained = await trainStage(trainer, { training: plan.dpo, context: stageContext(bench, "dpo") });
  narrator.say(`Before the first step: ${trained.checks.join("; ")}.`);
  narrator.say(dpoSentence(trained));
  return trained;
}

async function classicStage(
  bench: Bench,
  { judged, start, rewardModel }: FromSft & { rewardModel: string },
): Promise<Trained> {
  const { narrator, settings, tokenizer } = bench;
  const { plan } = settings;
  narrator.stage("The classic path: reinforcement learning (PPO) against the reward model");
  narrator.say(
    `The SFT model answers ${plan.ppo.rollouts * plan.ppo.answers} questions, the reward model scores the answers, and the ` +
      "model learns from the scores, held close to where it started by a KL penalty.",
  );
  const trained = await ppoStage({
    start,
    rewardModel,
    rows: judged.train,
    tokenizer,
    training: plan.ppo,
    maxNewTokens: plan.maxNewTokens,
    context: stageContext(bench, "ppo"),
  });
  narrator.say(ppoSentence(trained));
  return trained;
}

async function pairSources(
  { tokenizer, settings }: Bench,
  { judged, training }: { judged: JudgedStage; training: Settings["plan"]["reward"] },
) {
  const [train, evaluation] = await Promise.all(
    [judged.train, judged.heldOut].map((rows) => toExamples(tokenizer, rows.map(pairRow))),
  );
  if (train!.length === 0 || evaluation!.length === 0) {
    throw new AttuneError("data", {
      where: "quickstart: judged pairs",
      expected: "pairs to train on and pairs to hold out",
      got: `${train!.length} and ${evaluation!.length}`,
      fix: "use a base model that answers the same question in different ways",
    });
  }
  return stageSources(train!, { training, evaluation: evaluation!, seed: settings.seed });
}

async function compareStage(
  bench: Bench,
  { paths, rewardModel: rewardPath }: { paths: Record<ModelName, string>; rewardModel: string },
): Promise<Comparison> {
  const { narrator, settings, world, backend } = bench;
  const { plan, seed } = settings;
  narrator.stage("Compare the four models on questions none of them was trained on");
  narrator.say(`Base, SFT, DPO and PPO each answer ${plan.prompts} new questions, ${times(plan.samples)}.`);
  const questions = unseenQuestions(world, { count: plan.prompts, seed });
  const answers = {} as Record<ModelName, ModelAnswer[]>;
  const opened = [];
  const models = {} as Record<ModelName, Awaited<ReturnType<typeof openFrozen>>>;
  for (const name of modelNames) {
    // The same draws for all of them: differences are then the models', not the dice's.
    answers[name] = await sampleFrom(bench, {
      path: paths[name],
      questions,
      samples: plan.samples,
      stream: 2,
    });
    opened.push((models[name] = await openFrozen(backend, paths[name])));
  }
  const rewardModel = await openFrozen(backend, rewardPath);
  opened.push(rewardModel);
  const comparison = await compareModels({ backend, models, rewardModel, answers, seed });
  for (const model of opened) await model.free();
  return comparison;
}

interface Sampling {
  path: string;
  questions: Parameters<typeof sampleAnswers>[0];
  samples: number;
  /** Keeps draws of different stages apart. */
  stream: number;
}

async function sampleFrom(bench: Bench, o: Sampling): Promise<ModelAnswer[]> {
  const { backend, tokenizer, stopTokens, settings, narrator } = bench;
  const model = await openFrozen(backend, o.path, { stopTokens });
  try {
    return await sampleAnswers(o.questions, {
      backend,
      tokenizer,
      model,
      samples: o.samples,
      maxNewTokens: settings.plan.maxNewTokens,
      seed: settings.seed * 16 + o.stream,
      signal: bench.signal,
      onProgress: (done, total) => {
        if (done % 64 === 0) narrator.progress(`${done} of ${total} answers`);
      },
    });
  } finally {
    await model.free();
  }
}

const stageContext = (
  { backend, narrator, folder, settings, signal }: Bench,
  name: string,
): StageContext => ({
  backend,
  narrator,
  folder: join(folder, name),
  seed: settings.seed,
  signal,
});

const demonstrationRow = ({ prompt, completion }: DemonstrationRow, i: number) => ({
  id: `demonstration-${i + 1}`,
  prompt,
  completions: [completion],
});

const pairRow = ({ id, prompt, chosen, rejected }: PreferenceRow) => ({
  id,
  prompt,
  completions: [chosen, rejected],
});
