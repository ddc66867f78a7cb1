/**
 * What a run needs to be watched: prompts set aside, held-out rewards, the log of looks, models that may be the one to keep.
 * Verdicts are the guard's, which the caller makes: training knows none.
 */
import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { openSafetensors, readTensor, writeSafetensors } from "../../../models/index.js";
import type { Reward } from "../../../rewards/index.js";
import { createRandom } from "../../../util/random.js";
import { appendLine, shortenLog } from "../../job/run-folder.js";
import type { Policy } from "../../policy.js";
import type { OnlinePrompt } from "../prompts.js";
import type { Watch } from "../watch.js";
import type { OpenedReward } from "./open-rewards.js";
import type { OnlineTrainingConfig } from "./settings.js";

export interface KeptParameters {
  readonly step: number;
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

/** Models by step, `guard/step-N.safetensors` in the run's folder. */
export interface KeptModels {
  put(step: number, parameters: ReadonlyMap<string, Float32Array>): Promise<void>;
  drop(step: number): Promise<void>;
  get(step: number): Promise<ReadonlyMap<string, Float32Array>>;
  steps(): readonly number[];
}

/** What a guard is given. */
export interface GuardParts {
  readonly output: string;
  readonly heldOut: Reward | undefined;
  readonly ensemble: readonly Reward[];
  /** Names of the members among the reward's components, where it is an ensemble. */
  readonly members: readonly string[];
  readonly stop: boolean;
  /** Looks without a better one that end a run too; undefined: any number is borne. */
  readonly patience: number | undefined;
  readonly models: KeptModels;
  /** Lines that `write` was given before a resume. */
  readonly logged: readonly unknown[];
  /** Adds a line to `guard.jsonl`. */
  write(line: { readonly step: number } & Readonly<Record<string, unknown>>): void;
  /** A line for whoever watches. */
  say(text: string): void;
  readonly timeoutSeconds: number;
  readonly retries: number;
}

export interface RunGuard {
  readonly look: Watch["look"];
  /** The model to keep; undefined where nothing is held out. */
  kept(): Promise<KeptParameters | undefined>;
  /** Its latest verdict, for the record. */
  verdict(): { readonly state: string; readonly words: string } | undefined;
}

export type OpenRunGuard = (parts: GuardParts) => RunGuard;

export interface GuardPrompts {
  readonly train: readonly OnlinePrompt[];
  readonly looked: readonly OnlinePrompt[];
  /** The data is too small to set any aside. */
  readonly shared: boolean;
}

/** Set aside by the seed, at most a tenth of all; from data too small for two of them, lent. */
export function guardPrompts(
  prompts: readonly OnlinePrompt[],
  { count, seed }: { count: number; seed: number },
): GuardPrompts {
  const order = createRandom(seed, { stream: "guard" }).shuffle(prompts.map((_, i) => i));
  const aside = Math.min(count, Math.floor(prompts.length / 10));
  const shared = aside < 2;
  const chosen = new Set(order.slice(0, shared ? count : aside));
  return {
    train: shared ? prompts : prompts.filter((_, i) => !chosen.has(i)),
    looked: prompts.filter((_, i) => chosen.has(i)),
    shared,
  };
}

const logName = "guard.jsonl";

export interface OpenGuardOptions {
  readonly open: OpenRunGuard;
  readonly config: OnlineTrainingConfig;
  readonly output: string;
  readonly resumedStep: number;
  readonly policy: Policy;
  readonly reward: OpenedReward | undefined;
  readonly heldOut: OpenedReward | undefined;
  readonly ensemble: OpenedReward | undefined;
  readonly prompts: readonly OnlinePrompt[];
  readonly say: (text: string) => void;
}

export async function watchRun(o: OpenGuardOptions): Promise<{ watch: Watch; guard: RunGuard }> {
  const { settings: s } = o.config;
  const file = join(o.output, logName);
  // The look at the step that the run goes on from is made again.
  const logged = await shortenLog(file, (step) => step < o.resumedStep);
  const names = o.reward?.parts.map(({ name }) => name) ?? [];
  const guard = o.open({
    output: o.output,
    heldOut: o.heldOut?.reward,
    ensemble: o.ensemble?.parts ?? [],
    members: s.reward_combine === "sum" || names.length < 2 ? [] : names,
    stop: s.guard === "stop",
    patience: s.guard_patience,
    models: modelsOnDisk(join(o.output, "guard"), o.policy),
    logged,
    write: (line) => appendLine(file, line),
    say: o.say,
    timeoutSeconds: s.reward_timeout,
    retries: s.reward_retries,
  });
  const watch: Watch = {
    prompts: o.prompts,
    samples: s.guard_samples,
    ...(s.guard_every !== undefined && { every: s.guard_every }),
    ...(o.reward && { reward: o.reward.plain }),
    look: guard.look,
  };
  return { watch, guard };
}

function modelsOnDisk(folder: string, { trainable }: Policy): KeptModels {
  const path = (step: number): string => join(folder, `step-${step}.safetensors`);
  return {
    put: (step, parameters) =>
      writeSafetensors(
        path(step),
        [...parameters].map(([name, data]) => ({
          name,
          shape: trainable.get(name)!.shape,
          dtype: "F32",
          data,
        })),
      ),
    drop: (step) => rm(path(step), { force: true }),
    get: (step) => {
      const { tensors } = openSafetensors(path(step));
      return Promise.resolve(new Map([...tensors].map(([name, entry]) => [name, readTensor(entry)])));
    },
    steps: () =>
      existsSync(folder)
        ? readdirSync(folder)
            .flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? [])
            .map(Number)
        : [],
  };
}
