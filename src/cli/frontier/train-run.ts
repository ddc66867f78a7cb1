/** One run of a frontier: offline through the job of `attune train`, online through `trainOnline`. Knows no other run. */
import { join } from "node:path";
import { ortBackend } from "../../backends/index.js";
import { AttuneError } from "../../errors.js";
import { modelReward } from "../../rewards/index.js";
import { createPolicy, savePolicy, trainOnline } from "../../train/index.js";
import { readTrainingConfig, runTraining, type TrainingEvent } from "../../train/job/index.js";
import { openModel, saveModelFolder } from "../../models/index.js";
import { loadTokenizer } from "../../text/index.js";
import { openRunningModel } from "../running-model.js";
import type { FrontierData } from "./data.js";
import type { Budget, RunSpec } from "./plan.js";

export interface TrainRunOptions {
  folder: string;
  /** Of the run; a checkpoint of another is refused. */
  fingerprint: string;
  model: string;
  reward: string;
  data: FrontierData;
  budget: Budget;
  threads: number | undefined;
  signal: AbortSignal;
  onStep: (step: number, total: number) => void;
}

/** Updates between checkpoints: a run that is killed loses no more. */
const saveEvery = 20;

/** Folder of the trained model. Goes on from a checkpoint that lies in the folder; throws `interrupted` when it is stopped. */
export async function trainRun(spec: RunSpec, o: TrainRunOptions): Promise<string> {
  return spec.kind === "offline" ? offline(spec, o) : online(spec, o);
}

async function offline(spec: RunSpec & { kind: "offline" }, o: TrainRunOptions): Promise<string> {
  const { answers, batch, seed, learningRate } = o.budget;
  const rows = Math.max(1, Math.round(batch / 2));
  const config = readTrainingConfig({
    method: spec.method,
    model: o.model,
    data: o.data.train,
    output: o.folder,
    resume: true,
    beta: spec.beta,
    ...(spec.lossType !== undefined && { loss_type: spec.lossType }),
    per_device_train_batch_size: rows,
    max_steps: Math.max(1, Math.round(answers / (2 * rows))),
    save_steps: saveEvery,
    save_total_limit: 1,
    detail_steps: 0,
    seed,
    ...(learningRate !== undefined && { learning_rate: learningRate }),
    ...(o.threads !== undefined && { threads: o.threads }),
  });
  const onEvent = (event: TrainingEvent): void => {
    if (event.kind === "step") o.onStep(event.report.step, event.report.totalSteps);
  };
  const { model } = await runTraining(config, { openBackend: ortBackend, onEvent, signal: o.signal });
  if (model === undefined) throw stopped(spec);
  return model;
}

async function online(spec: RunSpec & { kind: "online" }, o: TrainRunOptions): Promise<string> {
  const { answers, batch, seed, learningRate, maxNewTokens } = o.budget;
  const backend = ortBackend(o.threads === undefined ? {} : { threads: o.threads });
  try {
    const judge = await openRunningModel(o.reward, { backend });
    const reward = modelReward("reward", {
      backend,
      model: judge.model,
      tokenizer: judge.tokenizer,
      tooLong: "cut-start",
    });
    const policy = createPolicy(await openModel(o.model), { seed });
    const reports = trainOnline({
      backend,
      method: spec.method,
      policy,
      tokenizer: await loadTokenizer(policy.folder.path),
      prompts: o.data.asked,
      reward,
      settings: {
        [spec.betaName]: spec.beta,
        total_episodes: answers,
        per_device_train_batch_size: batch,
        max_completion_length: maxNewTokens,
        seed,
        stop_kl: 0,
      },
      fit: {
        ...(learningRate !== undefined && { learningRate }),
        output: o.folder,
        resume: true,
        saveSteps: saveEvery,
        saveTotalLimit: 1,
        fingerprint: { frontier: o.fingerprint },
        detailSteps: 0,
        signal: o.signal,
      },
    });
    for (;;) {
      const next = await reports.next();
      if (!next.done) {
        o.onStep(next.value.step, next.value.totalSteps);
        continue;
      }
      await reward.close?.();
      if (next.value.finished === "interrupted") throw stopped(spec);
      const path = join(o.folder, "model");
      // A critic's parameters are not the model's.
      const values = new Map([...next.value.parameters].filter(([name]) => policy.trainable.has(name)));
      if (policy.lora) await savePolicy(path, policy, { values });
      else await saveModelFolder(path, policy.folder, { parameters: values, dtype: "F32" });
      return path;
    }
  } finally {
    await backend.close();
  }
}

const stopped = ({ name, beta }: RunSpec): AttuneError =>
  new AttuneError("interrupted", {
    where: `attune frontier: ${name} at beta ${beta}`,
    expected: "to finish",
    got: "a request to stop",
    fix: "the same command goes on with what is not done",
  });
