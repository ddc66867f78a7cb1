/** Answers of a model to questions, with their log-probabilities. Knows no stage and no score. */
import { TokenGenerator } from "../../generate/index.js";
import { promptOf, type Question } from "../../evaluate/index.js";
import type { Backend } from "../../tensor/index.js";
import type { Tokenizer } from "../../text/index.js";
import { promptTokens } from "./examples.js";
import type { FrozenModel } from "./models.js";

export interface ModelAnswer {
  question: Question;
  /** 0, 1, ... among the answers to this question. */
  sample: number;
  text: string;
  prompt: readonly number[];
  /** The stop token included. */
  tokens: readonly number[];
  /** Natural log of the answer's probability under the model that wrote it. */
  logProb: number;
  /** Ended by the model itself, not by the limit. */
  finished: boolean;
}

export interface SampleOptions {
  backend: Backend;
  tokenizer: Tokenizer;
  model: FrozenModel;
  samples: number;
  maxNewTokens: number;
  seed: number;
  /** Rows decoded together. */
  rows?: number;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number, total: number) => void;
}

/** `samples` answers to each question at temperature 1, nothing cut away, by question and then by sample. */
export async function sampleAnswers(
  questions: readonly Question[],
  { backend, tokenizer, model, samples, maxNewTokens, seed, rows = 128, signal, onProgress }: SampleOptions,
): Promise<ModelAnswer[]> {
  const prompts = await Promise.all(questions.map((question) => promptTokens(tokenizer, promptOf(question))));
  const generator = new TokenGenerator(backend, model, { maxRows: rows });
  const answers = questions.flatMap((question, i) =>
    Array.from({ length: samples }, (_, sample) => ({
      question,
      sample,
      prompt: prompts[i]!,
      tokens: [] as number[],
      logProb: 0,
      finished: false,
    })),
  );
  let done = 0;
  const options = {
    samples,
    maxNewTokens,
    seed,
    ids: questions.map(({ text }) => text),
    temperature: 1,
    signal,
  };
  try {
    for await (const event of generator.stream(prompts, options)) {
      const answer = answers[event.prompt * samples + event.sample]!;
      answer.tokens.push(event.token);
      answer.logProb += event.logProb;
      if (event.finishReason === undefined) continue;
      answer.finished = event.finishReason === "stop";
      onProgress?.(++done, answers.length);
    }
  } finally {
    await generator.close();
  }
  return answers.map((answer) => ({ ...answer, text: textOf(answer, tokenizer) }));
}

const textOf = (
  { tokens, finished }: { tokens: readonly number[]; finished: boolean },
  tokenizer: Tokenizer,
): string => tokenizer.decode(finished ? tokens.slice(0, -1) : tokens, { skipSpecialTokens: true });
