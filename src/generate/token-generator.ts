/**
 * What callers use: prompts of token ids in, completions out, as they are made or at the end. Checks prompts and options;
 * knows no text.
 */
import { AttuneError } from "../errors.js";
import type { Backend } from "../tensor/index.js";
import { createRandom } from "../util/random.js";
import { Engine } from "./engine.js";
import { EventQueue } from "./event-queue.js";
import {
  engineSchema,
  type EngineOptions,
  readOptions,
  type Sampling,
  type SamplingOptions,
  samplingSchema,
} from "./options.js";
import { choiceTree } from "./choice-tree.js";
import type { ChosenToken, FinishReason, Sequence } from "./sequence.js";
import { type GenerationModel, type GenerationStats, StepRunner } from "./step-runner.js";
import { checkStopStrings, type DecodeTokens, type StopText, stopText } from "./stop-text.js";
import { readBias, type RuleSettings, tokenRules } from "./token-rules.js";

export interface RequestOptions extends SamplingOptions {
  /** Names of the prompts, which with `seed` and the sample's number decide what is drawn. Default: "0", "1", ... */
  ids?: readonly string[];
  /** Token ids and what is added to their logits (OpenAI's and vLLM's logit_bias). */
  logitBias?: Readonly<Record<number, number>>;
  /** Every row says one of these token sequences, and ends with it (vLLM's structured choice). */
  choices?: readonly (readonly number[])[];
  /** A row ends where its text says one of these; the tokens that say it stay (transformers' stop_strings). */
  stopStrings?: readonly string[];
  /** Turns tokens into text for `stopStrings`: `(ids) => tokenizer.decodeContinuation(ids)`. */
  decode?: DecodeTokens;
  /** Ends the request with the error `interrupted`. */
  signal?: AbortSignal;
}

/** One new token of one row. */
export interface TokenEvent extends ChosenToken {
  /** Index of the prompt. */
  readonly prompt: number;
  /** Index among the prompt's samples. */
  readonly sample: number;
  /** Present with the row's last token. */
  readonly finishReason: FinishReason | undefined;
  /** The stop string that ended the row. */
  readonly stopString: string | undefined;
}

export interface Completion {
  readonly prompt: number;
  readonly sample: number;
  /** New tokens, with the stop token that ended them; none where the time was over before the first. */
  readonly tokens: readonly number[];
  /** See `ChosenToken`; one for each token. */
  readonly logProbs: readonly number[];
  readonly temperedLogProbs: readonly number[];
  readonly drawLogProbs: readonly number[];
  readonly finishReason: FinishReason;
  /** The stop string that ended it; `cutAtStop` takes it off the text. */
  readonly stopString: string | undefined;
}

/** Holds compiled graphs and, while it works, caches. Requests made at the same time are decoded together. */
export class TokenGenerator {
  readonly #runner: StepRunner;
  readonly #engine: Engine;
  #closed = false;

  /**
   * @param options how many rows and how much memory; see `engineSchema`
   * @throws AttuneError `config` for an option out of range, `model` for a model without an output layer
   */
  constructor(backend: Backend, model: GenerationModel, options: EngineOptions = {}) {
    const settings = readOptions(engineSchema, options, "generate");
    const { kind } = model.graph.config.head;
    if (kind === "sequence" || kind === "token") {
      throw new AttuneError("model", {
        where: "generate",
        expected: "a language model",
        got: `a model with the head ${JSON.stringify(kind)}, which says no words`,
      });
    }
    this.#runner = new StepRunner(backend, model, settings);
    this.#engine = new Engine(this.#runner, settings);
  }

  /** Sums since the generator was made. */
  get stats(): Readonly<GenerationStats> {
    return this.#runner.stats;
  }

  /**
   * Tokens as they are made, rows interleaved. Leaving the loop ends the rows that are still going. When `maxTime` is over the
   * stream ends: rows whose last token had no finishReason were cut off.
   * @throws AttuneError `usage` for an empty prompt, one that fills the context, ids that are no tokens; `config` for an
   * option; `memory` when one row does not fit; `interrupted` when the signal says so
   */
  async *stream(
    prompts: readonly (readonly number[])[],
    options: RequestOptions = {},
  ): AsyncGenerator<TokenEvent> {
    const { ids, signal, logitBias, choices, stopStrings, decode, ...given } = options;
    const sampling = readOptions(samplingSchema, given, "generate");
    this.#checkOpen();
    this.#checkPrompts(prompts, ids);
    const queue = new EventQueue<TokenEvent>(prompts.length * sampling.samples);
    const shared = this.#shared(sampling, { logitBias, choices, stopStrings, decode });
    const sequences = prompts.flatMap((prompt, index) =>
      this.#sequences(prompt, { ...shared, index, id: ids?.[index] ?? String(index), queue }),
    );
    const abort = (): void =>
      queue.fail(
        new AttuneError("interrupted", { where: "generate", expected: "to finish", got: "an abort signal" }),
      );
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      if (!signal?.aborted) this.#engine.submit(sequences);
      yield* queue.events();
    } finally {
      signal?.removeEventListener("abort", abort);
      for (const sequence of sequences) sequence.cancelled = true;
    }
  }

  /** All completions, by prompt and then by sample. Throws as `stream`. */
  async complete(
    prompts: readonly (readonly number[])[],
    options: RequestOptions = {},
  ): Promise<Completion[]> {
    const samples = options.samples ?? 1;
    const rows = Array.from({ length: prompts.length * samples }, (_, i) => ({
      prompt: Math.floor(i / samples),
      sample: i % samples,
      tokens: [] as number[],
      logProbs: [] as number[],
      temperedLogProbs: [] as number[],
      drawLogProbs: [] as number[],
      finishReason: "time" as FinishReason,
      stopString: undefined as string | undefined,
    }));
    for await (const event of this.stream(prompts, options)) {
      const row = rows[event.prompt * samples + event.sample]!;
      row.tokens.push(event.token);
      row.logProbs.push(event.logProb);
      row.temperedLogProbs.push(event.temperedLogProb);
      row.drawLogProbs.push(event.drawLogProb);
      if (event.finishReason) row.finishReason = event.finishReason;
      row.stopString = event.stopString;
    }
    return rows;
  }

  /** Ends what is running with the error `interrupted`, releases programs and caches. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#engine.close();
    await this.#runner.release();
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new AttuneError("usage", {
      where: "generate",
      expected: "an open generator",
      got: "one that was closed",
    });
  }

  #checkPrompts(prompts: readonly (readonly number[])[], ids: readonly string[] | undefined): void {
    const { vocabSize, maxPositions } = this.#runner.config;
    const refuse = (at: number, parts: { expected: string; got: string; fix?: string }): never => {
      throw new AttuneError("usage", { where: `generate: prompt ${at}`, ...parts });
    };
    prompts.forEach((prompt, at) => {
      if (prompt.length === 0) {
        refuse(at, { expected: "at least one token", got: "none", fix: "begin with the model's bos token" });
      }
      if (prompt.length >= maxPositions) {
        const expected = `fewer tokens than the model's context of ${maxPositions}`;
        refuse(at, { expected, got: `${prompt.length}`, fix: "shorten the prompt" });
      }
      const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
      if (wrong === undefined) return;
      const fix = "the tokenizer belongs to another model";
      refuse(at, { expected: `token ids from 0 to ${vocabSize - 1}`, got: String(wrong), fix });
    });
    if (ids === undefined || (ids.length === prompts.length && new Set(ids).size === ids.length)) return;
    throw new AttuneError("usage", {
      where: "generate: ids",
      expected: `${prompts.length} different names, one a prompt`,
      got: `${new Set(ids).size} of ${ids.length}`,
    });
  }

  /** What all rows of a request have in common. */
  #shared(
    sampling: Sampling,
    given: Pick<RequestOptions, "logitBias" | "choices" | "stopStrings" | "decode">,
  ): Shared {
    const { eosTokenIds, vocabSize } = this.#runner.config;
    const { logitBias = {}, choices, stopStrings = [], decode } = given;
    checkStopStrings(stopStrings, decode);
    const stop = new Set(sampling.stopTokens ?? this.#runner.model.stopTokens ?? eosTokenIds);
    return {
      sampling,
      stop,
      bias: readBias(logitBias, vocabSize),
      choices: choices && choiceTree(choices, { vocabSize, stop }),
      deadline: performance.now() + 1000 * (sampling.maxTime ?? Infinity),
      watch: stopStrings.length === 0 ? undefined : () => stopText(stopStrings, decode!),
    };
  }

  #sequences(prompt: readonly number[], o: Row): Sequence[] {
    const { maxPositions } = this.#runner.config;
    const { sampling, queue, stop, watch } = o;
    const limit = Math.min(sampling.maxNewTokens, maxPositions - prompt.length);
    if (o.choices && o.choices.longest > limit) {
      throw new AttuneError("usage", {
        where: `generate: prompt ${o.index}: choices`,
        expected: `at most ${limit} tokens, which is all the row may say`,
        got: `a choice of ${o.choices.longest}`,
        fix: "raise maxNewTokens or shorten the prompt",
      });
    }
    // A copy of its own: rows share it by identity, and callers may change theirs.
    const tokens = [...prompt];
    return Array.from({ length: sampling.samples }, (_, sample) => ({
      prompt: tokens,
      sampling,
      stop,
      limit,
      random: createRandom(sampling.seed, { stream: `generate/${o.id}/${sample}` }),
      rules: tokenRules({ ...o, prompt: tokens }),
      stopText: watch?.(),
      deadline: o.deadline,
      produced: 0,
      newest: 0,
      cancelled: false,
      onToken: (chosen, finish) =>
        queue.push(
          {
            ...chosen,
            prompt: o.index,
            sample,
            finishReason: finish?.reason,
            stopString: finish?.stopString,
          },
          finish !== undefined,
        ),
      onTimeOver: () => queue.end(),
      onError: (error) => queue.fail(error),
    }));
  }
}

interface Shared extends Omit<RuleSettings, "prompt"> {
  readonly deadline: number;
  /** Watches the text of one row. */
  readonly watch: (() => StopText) | undefined;
}

interface Row extends Shared {
  index: number;
  id: string;
  queue: EventQueue<TokenEvent>;
}
