/**
 * One look at a policy in training: what its answers to a set of prompts score and look like, each number with its standard
 * error. Knows answers and numbers; neither models nor what is made of a series of looks (`judge-series.ts`).
 *
 * Rewards are in their own units, KL in nats an answer, entropy in nats a token, length in tokens, shares in [0, 1].
 */
import { AttuneError } from "../../errors.js";
import { repeatedShare } from "../../rewards/index.js";
import { clusteredMean } from "../clustered-mean.js";
import { distinctNGrams } from "./text-metrics.js";

/** An answer of the policy as it stands. */
export interface ObservedAnswer {
  /** Names the prompt: answers to one prompt are not independent. */
  readonly prompt: string;
  readonly text: string;
  /** The reward that is trained on; NaN where it does not apply: such an answer stays out. */
  readonly proxy: number;
  /** What is really wanted, where it is known: a larger reward model kept out of training, people, a world's true utility. */
  readonly gold?: number;
  /** The members of an ensemble of reward models, where there is one. */
  readonly members?: readonly number[];
  /** Sum over the answer's tokens of log policy - log reference. */
  readonly kl: number;
  readonly tokens: number;
  /** It ended by itself and was not cut off. */
  readonly ended: boolean;
  /** Minus the sum of its tokens' log-probabilities. */
  readonly entropy: number;
}

export const MEASURES = [
  "proxy",
  "gold",
  "ensemble",
  "lowerBound",
  "disagreement",
  "kl",
  "length",
  "repetition",
  "truncated",
  "distinct",
  "entropy",
] as const;
export type Measure = (typeof MEASURES)[number];

/** A mean over answers; the standard error is between prompts. */
export interface Estimate {
  readonly mean: number;
  /** Null where it cannot be told (a single prompt). */
  readonly standardError: number | null;
  /** Means of the prompts by name: looks at the same prompts are compared prompt by prompt. */
  readonly byPrompt?: Readonly<Record<string, number>>;
}

/** JSON-safe: a log of observations is a line each. */
export interface Observation {
  readonly step: number;
  readonly answers: number;
  readonly prompts: number;
  readonly measures: Readonly<Partial<Record<Measure, Estimate>>>;
  /** Correlation of proxy reward and length within prompts, in [-1, 1]; null where either does not vary. */
  readonly lengthCorrelation: number | null;
  /** The answers that the proxy likes best, at most one a prompt, best first. */
  readonly best: readonly Pick<ObservedAnswer, "prompt" | "text" | "proxy" | "gold">[];
}

export interface ObserveOptions {
  /** Of training, at which the answers were written. */
  readonly step: number;
  /** For the ensemble's lower bound: deviations between members below their mean. Default 1 (as `ensembleReward`). */
  readonly deviations?: number;
  /** Best answers kept. Default 5. */
  readonly keep?: number;
}

/**
 * Measures answers. `gold` and `members` count where every answer has them.
 *
 * @throws AttuneError `usage` for no answers, answers of which only some have a gold reward, or ensembles of different sizes;
 *   `numeric` for a number that is not finite (the proxy's NaN says that it does not apply)
 */
export function observeAnswers(
  given: readonly ObservedAnswer[],
  { step, deviations = 1, keep = 5 }: ObserveOptions,
): Observation {
  const answers = given.filter(({ proxy }) => !Number.isNaN(proxy));
  const where = `observeAnswers: step ${step}`;
  if (answers.length === 0) {
    throw new AttuneError("usage", { where, expected: "at least one answer with a reward", got: "none" });
  }
  checkAlike(where, answers);
  const of = (value: (answer: ObservedAnswer) => number): Estimate => estimate(where, answers, value);
  const members = answers[0]!.members !== undefined;
  const measures: Partial<Record<Measure, Estimate>> = {
    proxy: of(({ proxy }) => proxy),
    ...(answers[0]!.gold !== undefined && { gold: of(({ gold }) => gold!) }),
    ...(members && {
      ensemble: of((a) => spread(a.members!).mean),
      disagreement: of((a) => spread(a.members!).deviation),
      lowerBound: of((a) => spread(a.members!).mean - deviations * spread(a.members!).deviation),
    }),
    kl: of(({ kl }) => kl),
    length: of(({ tokens }) => tokens),
    repetition: of(({ text }) => repeatedShare(text, 3)),
    truncated: of(({ ended }) => Number(!ended)),
    entropy: of(({ entropy, tokens }) => entropy / Math.max(1, tokens)),
  };
  const clusters = answers.map(({ prompt }) => prompt);
  const distinct = distinctNGrams(
    answers.map(({ text }) => text),
    { n: 2, clusters },
  );
  if (distinct.mean !== null)
    measures.distinct = { mean: distinct.mean, standardError: distinct.standardError };
  return {
    step,
    answers: answers.length,
    prompts: new Set(clusters).size,
    measures,
    lengthCorrelation: correlationWithin(answers),
    best: bestOf(answers, keep),
  };
}

function checkAlike(where: string, answers: readonly ObservedAnswer[]): void {
  const [first] = answers;
  const odd = answers.find(
    ({ gold, members }) =>
      (gold === undefined) !== (first!.gold === undefined) || members?.length !== first!.members?.length,
  );
  if (odd === undefined && first!.members?.length !== 0) return;
  throw new AttuneError("usage", {
    where,
    expected: "a gold reward, and an ensemble of one size, for every answer or for none",
    got: `an answer to ${(odd ?? first!).prompt} that differs`,
  });
}

function estimate(
  where: string,
  answers: readonly ObservedAnswer[],
  value: (answer: ObservedAnswer) => number,
): Estimate {
  const values = answers.map((answer) => ({ value: value(answer), cluster: answer.prompt }));
  const bad = values.find((each) => !Number.isFinite(each.value));
  if (bad) {
    throw new AttuneError("numeric", {
      where: `${where}: an answer to ${bad.cluster}`,
      expected: "finite numbers",
      got: String(bad.value),
    });
  }
  const sums = new Map<string, { total: number; count: number }>();
  for (const each of values) {
    const { total, count } = sums.get(each.cluster) ?? { total: 0, count: 0 };
    sums.set(each.cluster, { total: total + each.value, count: count + 1 });
  }
  const byPrompt = Object.fromEntries([...sums].map(([name, { total, count }]) => [name, total / count]));
  if (sums.size < 2) return { mean: Object.values(byPrompt)[0]!, standardError: null, byPrompt };
  const { mean, standardError } = clusteredMean(values);
  return { mean, standardError, byPrompt };
}

function spread(members: readonly number[]): { mean: number; deviation: number } {
  const mean = members.reduce((a, b) => a + b, 0) / members.length;
  const squares = members.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: members.length > 1 ? Math.sqrt(squares / (members.length - 1)) : 0 };
}

/** Pearson's r of the deviations from the prompt's own means: prompts that ask for longer answers do not count as hacks. */
function correlationWithin(answers: readonly ObservedAnswer[]): number | null {
  const groups = new Map<string, ObservedAnswer[]>();
  for (const answer of answers) groups.set(answer.prompt, [...(groups.get(answer.prompt) ?? []), answer]);
  let [both, ofProxy, ofLength] = [0, 0, 0];
  for (const group of groups.values()) {
    const proxy = group.reduce((sum, each) => sum + each.proxy, 0) / group.length;
    const length = group.reduce((sum, each) => sum + each.tokens, 0) / group.length;
    for (const each of group) {
      both += (each.proxy - proxy) * (each.tokens - length);
      ofProxy += (each.proxy - proxy) ** 2;
      ofLength += (each.tokens - length) ** 2;
    }
  }
  return ofProxy > 0 && ofLength > 0 ? both / Math.sqrt(ofProxy * ofLength) : null;
}

function bestOf(answers: readonly ObservedAnswer[], keep: number): Observation["best"] {
  const sorted = [...answers].sort((a, b) => b.proxy - a.proxy);
  const seen = new Set<string>();
  const first = sorted.filter(({ prompt }) => !seen.has(prompt) && seen.add(prompt));
  return first.slice(0, keep).map(({ prompt, text, proxy, gold }) => ({
    prompt,
    text,
    proxy,
    ...(gold !== undefined && { gold }),
  }));
}
