/**
 * Looks at a run while it goes: the same prompts answered by the policy as it stands, every so many rollouts, at the start
 * and at the end. They change nothing of what is learned. What is made of a look is the watcher's; see `openGuard`.
 */
import type { Reward, RewardItem } from "../../rewards/index.js";
import type { Backend, Resident } from "../../tensor/index.js";
import type { Tokenizer } from "../../text/index.js";
import { downloadParameters, type Policy } from "../policy.js";
import { samplingOf } from "./answerers.js";
import { answerPrompts } from "./answering.js";
import { encodePrompts, type OnlinePrompt } from "./prompts.js";
import { reportOf, type RolloutReport, rolloutMetrics } from "./rollout.js";
import { openSampler, type OpenSampler } from "./sampler.js";
import { openScorer, type Scorer } from "./scorer.js";
import type { OnlineSettings } from "./settings.js";

/** A rollout's report, of prompts that are only looked at. */
export interface LookReport extends Omit<RolloutReport, "prompts"> {
  /** Updates done. */
  readonly step: number;
  readonly prompts: readonly { readonly id: string }[];
  /** The answers as rewards take them. */
  readonly items: readonly RewardItem[];
  readonly signal: AbortSignal | undefined;
  /** The policy's trained values as they stand, by graph name. */
  readonly parameters: () => Promise<Map<string, Float32Array>>;
}

export interface Watch {
  /** Asked at every look, with the same random numbers. */
  readonly prompts: readonly OnlinePrompt[];
  /** Answers to each. Default 1. */
  readonly samples?: number;
  /**
   * Rollouts between looks. Default: looks are a tenth of all answers, but at least eight in a run that has as many rollouts,
   * and at most fifty.
   */
  readonly every?: number;
  /** The reward that is shown. Default: the run's; one with running statistics is looked at without adding to them. */
  readonly reward?: Reward;
  /** "stop" ends the run, as if all were done. What it throws ends it with a checkpoint. */
  readonly look: (report: LookReport) => Promise<"stop" | undefined>;
}

/** The default of `every`. */
export function rolloutsBetweenLooks(o: { rollouts: number; answers: number; looked: number }): number {
  const least = Math.ceil(o.rollouts / 50);
  const tenth = Math.ceil((10 * o.looked) / o.answers);
  return Math.max(1, least, Math.min(tenth, Math.floor(o.rollouts / 8)));
}

export interface LookoutOptions {
  readonly watch: Omit<Watch, "every">;
  readonly backend: Backend;
  readonly policy: Policy;
  readonly parameters: Readonly<Record<string, Resident>>;
  readonly tokenizer: Tokenizer;
  readonly reward: Reward | undefined;
  readonly settings: OnlineSettings;
  readonly signal: AbortSignal | undefined;
}

export interface Lookout {
  look(at: { rollout: number; step: number }): Promise<"stop" | undefined>;
  close(): Promise<void>;
}

/** Has programs of its own, so that a run's own numbers are the same with and without it. */
export function openLookout(o: LookoutOptions): Lookout {
  const { watch, backend, policy, parameters, tokenizer, settings: s, signal } = o;
  const samples = watch.samples ?? 1;
  const own = Object.fromEntries(
    Object.entries(parameters).filter(([name]) => policy.beside?.has(name) !== true),
  );
  const reward = watch.reward ?? o.reward;
  let opened: Promise<Parts> | undefined;
  const open = async (): Promise<Parts> => {
    const encoded = await encodePrompts(tokenizer, watch.prompts, {
      room: policy.folder.config.maxPositions - s.max_completion_length,
    });
    const maxPrompt = encoded.rows.reduce((most, { tokens }) => Math.max(most, tokens.length), 1);
    const { rows, stopTokens } = encoded;
    return {
      rows,
      stopTokens,
      sampler: await openSampler({ backend, policy, parameters, stopTokens, sampling: samplingOf(s) }),
      scorer: openScorer({
        backend,
        policy,
        critic: undefined,
        parameters,
        temperature: s.temperature,
        size: s.per_device_train_batch_size,
        maxPrompt,
        maxCompletion: s.max_completion_length,
      }),
    };
  };
  return {
    async look({ rollout, step }) {
      const { rows: prompts, stopTokens, sampler, scorer } = await (opened ??= open());
      const before = reward?.state?.();
      const sample = () =>
        sampler.sample({
          prompts: prompts.map(({ id, tokens }) => ({ id: `look:${id}`, tokens })),
          samples,
          seed: s.seed,
          signal,
        });
      const judging = { reward, tokenizer, stopTokens, settings: s, signal };
      const { rows, items } = await answerPrompts(prompts, {
        ...judging,
        sample,
        scorer,
        samples,
        seconds: {},
      }).finally(() => before && reward?.restore?.(before));
      const metrics = rolloutMetrics(rows, reward?.name ?? "none");
      return watch.look({
        ...reportOf(rollout, rows, metrics),
        step,
        items,
        signal,
        parameters: () => downloadParameters(own, backend),
      });
    },
    async close() {
      const parts = await opened?.catch(() => undefined);
      await parts?.sampler.close();
      await parts?.scorer.close();
    },
  };
}

interface Parts {
  rows: Awaited<ReturnType<typeof encodePrompts>>["rows"];
  stopTokens: readonly number[];
  sampler: OpenSampler;
  scorer: Scorer;
}
