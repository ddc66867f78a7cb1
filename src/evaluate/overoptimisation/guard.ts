/**
 * The guard at work: looks at a policy in training in, a series of observations, verdicts in words and the models to keep out.
 * Knows rewards, and of training only what a look has; `Watch["look"]` of attune/train takes its `look` as it is.
 */
import { AttuneError } from "../../errors.js";
import { promptText, type Reward, type RewardItem, scoreItems } from "../../rewards/index.js";
import { chooseCheckpoint, heldOutOf } from "./choose-checkpoint.js";
import { type JudgeOptions, judgeSeries, type Verdict } from "./judge-series.js";
import { type Observation, observeAnswers } from "./observation.js";
import { rolloutAnswers, type RolloutColumns } from "./rollout-answers.js";

/** Answers of the policy after `step` updates; `LookReport` of the online trainers is one. */
export interface LookColumns extends RolloutColumns {
  readonly step: number;
  readonly items: readonly RewardItem[];
  readonly signal?: AbortSignal | undefined;
  /** The trained values as they stand. */
  readonly parameters: () => Promise<ReadonlyMap<string, Float32Array>>;
}

/** Where models wait that may be the one to keep: two at most, one by one. */
export interface ModelStore {
  put(step: number, parameters: ReadonlyMap<string, Float32Array>): Promise<void>;
  drop(step: number): Promise<void>;
  get(step: number): Promise<ReadonlyMap<string, Float32Array>>;
  /** Steps that are there. */
  steps(): readonly number[];
}

export interface GuardLook {
  readonly observation: Observation;
  readonly verdict: Verdict;
}

export interface GuardOptions {
  /** What is really wanted, or nearer to it than the reward that is trained on. It sees answers and is never learned from. */
  readonly heldOut?: Reward;
  /** Reward models whose lower bound stands in where nothing else is held out, and whose disagreement is watched. */
  readonly ensemble?: readonly Reward[];
  /** The same, where the reward that is trained on is an ensemble: names among its components. */
  readonly members?: readonly string[];
  /** Stop a run that is being hacked. Default true; false: say so and go on. */
  readonly stop?: boolean;
  readonly judge?: JudgeOptions;
  /** Observations from before a resume. */
  readonly series?: readonly Observation[];
  /** Default: in memory. */
  readonly models?: ModelStore;
  /** Called after every look. */
  readonly onLook?: (look: GuardLook) => void | Promise<void>;
  /** For held-out rewards: see `ScoreOptions`. */
  readonly timeoutSeconds?: number;
  readonly retries?: number;
}

export interface KeptModel {
  readonly step: number;
  /** Trained values by graph name, for `savePolicy`. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

export interface Guard {
  readonly series: readonly Observation[];
  /** What was asked, by the prompts' names. */
  readonly prompts: Readonly<Record<string, string>>;
  /** Of the latest look. */
  readonly verdict: Verdict | undefined;
  look(report: LookColumns): Promise<"stop" | undefined>;
  /** The model to keep; undefined where nothing is held out. */
  kept(): Promise<KeptModel | undefined>;
}

/**
 * @example
 * const guard = openGuard({ heldOut, onLook: ({ verdict }) => console.log(verdict.words) });
 * const watch = { prompts, every: 5, look: guard.look };
 * for await (const _ of trainOnline({ ...run, watch }));
 * const best = await guard.kept(); // by what was held out
 * if (best) await savePolicy("runs/best", policy, { values: best.parameters });
 */
export function openGuard(o: GuardOptions = {}): Guard {
  const series = [...(o.series ?? [])];
  const models = o.models ?? memoryStore();
  const prompts: Record<string, string> = {};
  let verdict: Verdict | undefined = series.length > 0 ? judgeSeries(series, o.judge) : undefined;
  return {
    get series() {
      return series;
    },
    prompts,
    get verdict() {
      return verdict;
    },
    async look(report) {
      const observation = await observe(report, o);
      series.push(observation);
      report.prompts.forEach(({ id }, i) => {
        prompts[id] ??= promptText(report.items[i]!);
      });
      verdict = judgeSeries(series, o.judge);
      if (heldOutOf(series) !== undefined) {
        await models.put(report.step, await report.parameters());
        const wanted = stillWanted(series);
        for (const step of models.steps()) if (!wanted.has(step)) await models.drop(step);
      }
      await o.onLook?.({ observation, verdict });
      return verdict.stop && o.stop !== false ? "stop" : undefined;
    },
    async kept() {
      const steps = models.steps().filter((step) => series.some((each) => each.step === step));
      if (heldOutOf(series) === undefined || steps.length === 0) return undefined;
      const { step } = chooseCheckpoint(series, { steps });
      return { step, parameters: await models.get(step) };
    },
  };
}

/**
 * The latest step, whose neighbours are not all known yet, and the best of the others, which no later look can change: one of
 * the two will be chosen, or a step that is still to come.
 */
function stillWanted(series: readonly Observation[]): Set<number> {
  const latest = series.at(-1)!.step;
  const settled = series.slice(0, -1).map(({ step }) => step);
  const best = settled.length === 0 ? [] : [chooseCheckpoint(series, { steps: settled }).step];
  return new Set([latest, ...best]);
}

async function observe(report: LookColumns, o: GuardOptions): Promise<Observation> {
  const score = async (reward: Reward): Promise<Float64Array> => {
    const { scores } = await scoreItems(reward, report.items, {
      ...(report.signal && { signal: report.signal }),
      ...(o.timeoutSeconds !== undefined && { timeoutSeconds: o.timeoutSeconds }),
      ...(o.retries !== undefined && { retries: o.retries }),
    });
    return scores;
  };
  const gold = o.heldOut && (await score(o.heldOut));
  const judges: Float64Array[] = [];
  for (const member of o.ensemble ?? []) judges.push(await score(member));
  const told = rolloutAnswers(report, {
    ...(gold && { gold }),
    ...(judges.length === 0 && o.members && { members: o.members }),
  }).map((answer, i) =>
    judges.length > 0 ? { ...answer, members: judges.map((list) => list[i]!) } : answer,
  );
  // An answer that one of the judges has nothing to say of cannot be compared.
  const judged = told.filter((a) =>
    [a.proxy, a.gold ?? 0, ...(a.members ?? [])].every((x) => !Number.isNaN(x)),
  );
  if (judged.length > 0) return observeAnswers(judged, { step: report.step, keep: Infinity });
  throw new AttuneError("data", {
    where: `the guard's look at step ${report.step}`,
    expected: "at least one answer with words that every reward applies to",
    got: `${told.length} answers without`,
    fix: "look at the held-out reward and at the policy's answers; --guard off trains without looks",
  });
}

function memoryStore(): ModelStore {
  const kept = new Map<number, ReadonlyMap<string, Float32Array>>();
  return {
    put: (step, parameters) => Promise.resolve(void kept.set(step, parameters)),
    drop: (step) => Promise.resolve(void kept.delete(step)),
    get: (step) => Promise.resolve(kept.get(step)!),
    steps: () => [...kept.keys()],
  };
}
