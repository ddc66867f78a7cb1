/** What a model's answers are worth and how far they lie from the start: reward, KL, length. Knows models, no training. */
import type { Backend } from "../../tensor/index.js";
import { type Example } from "../../data/index.js";
import { clusteredMean, type Measured, sequenceLogProbs } from "../../evaluate/index.js";
import { TokenGenerator } from "../../generate/index.js";
import { modelReward, scoreItems } from "../../rewards/index.js";
import {
  chatTemplateOf,
  type ChatMessage,
  renderPrompt,
  stopTokenIds,
  type Tokenizer,
} from "../../text/index.js";
import type { Text } from "../../records/index.js";
import { openRunningModel } from "../running-model.js";
import type { Asked } from "./data.js";

export interface MeasureOptions {
  backend: Backend;
  /** Folder of the model that answers, of the start, and of the reward model. */
  model: string;
  start: string;
  reward: string;
  prompts: readonly Asked[];
  samples: number;
  maxNewTokens: number;
  seed: number;
  signal: AbortSignal;
}

export interface MeasuredModel {
  kl: Measured;
  reward: Measured;
  length: Measured;
  finished: Measured;
  /** By prompt, for best of n. */
  rewards: number[][];
}

/** Answers at temperature 1, nothing cut away: KL is then an unbiased mean. */
export async function measureModel(o: MeasureOptions): Promise<MeasuredModel> {
  const { backend, signal } = o;
  const running = await openRunningModel(o.model, { backend });
  const template = running.tokenizer.chatTemplates.has("default")
    ? chatTemplateOf(running.tokenizer)
    : undefined;
  const prompts = await Promise.all(o.prompts.map(({ prompt }) => promptTokens(running.tokenizer, prompt)));
  const stopTokens = await stopTokenIds(running.tokenizer, template);
  const generator = new TokenGenerator(backend, { ...running.model, stopTokens });
  const completions = await generator.complete(prompts, {
    ids: o.prompts.map(({ id }) => id),
    samples: o.samples,
    maxNewTokens: o.maxNewTokens,
    seed: o.seed,
    signal,
  });
  await generator.close();
  const said = completions.filter(({ tokens }) => tokens.length > 0);
  const start = await openRunningModel(o.start, { backend });
  const examples = said.map(({ prompt, sample, tokens }): Example => ({
    id: `${prompt}/${sample}`,
    prompt: prompts[prompt]!,
    completions: [{ tokens: [...tokens] }],
  }));
  const before = await sequenceLogProbs(examples, { backend, model: start.model });
  const judge = await openRunningModel(o.reward, { backend });
  const reward = modelReward("reward", {
    backend,
    model: judge.model,
    tokenizer: judge.tokenizer,
    tooLong: "cut-start",
  });
  const { scores } = await scoreItems(
    reward,
    said.map(({ prompt, sample, tokens, finishReason }) => ({
      id: `${o.prompts[prompt]!.id}#${sample}`,
      prompt: o.prompts[prompt]!.prompt,
      completion: running.tokenizer.decodeContinuation(
        finishReason === "stop" ? tokens.slice(0, -1) : tokens,
      ),
    })),
    { signal, timeoutSeconds: Infinity },
  );
  await reward.close?.();
  for (const { model } of [running, start, judge])
    if (model.parameters) await backend.free(Object.values(model.parameters));
  const mean = (value: (i: number) => number): Measured => {
    const values = said.map(({ prompt }, i) => ({ value: value(i), cluster: String(prompt) }));
    const { mean: centre, standardError } = clusteredMean(values);
    return { mean: centre, standardError };
  };
  const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  return {
    kl: mean((i) => total(said[i]!.logProbs) - before[i]![0]!),
    reward: mean((i) => scores[i]!),
    length: mean((i) => said[i]!.tokens.length),
    finished: mean((i) => Number(said[i]!.finishReason === "stop")),
    rewards: o.prompts.map((_, p) => said.flatMap(({ prompt }, i) => (prompt === p ? [scores[i]!] : []))),
  };
}

async function promptTokens(tokenizer: Tokenizer, prompt: Text): Promise<number[]> {
  if (typeof prompt === "string") return tokenizer.encode(prompt);
  const text = renderPrompt(chatTemplateOf(tokenizer), prompt as readonly ChatMessage[]);
  return tokenizer.encode(text, { addSpecialTokens: false });
}
