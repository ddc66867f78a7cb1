/** The policy's answers to given prompts with everything that is known of them: sampled, judged, scored. Knows no rollouts. */
import { type CheckedScores, type Reward, type RewardItem, scoreItems } from "../../rewards/index.js";
import type { Tokenizer } from "../../text/index.js";
import type { PromptRow } from "./prompts.js";
import type { RolloutRow } from "./rollout.js";
import type { SampledAnswer } from "./sampler.js";
import type { Scored, Scorer } from "./scorer.js";
import type { OnlineSettings } from "./settings.js";

export interface Judging {
  readonly reward: Reward | undefined;
  readonly tokenizer: Tokenizer;
  readonly stopTokens: readonly number[];
  readonly settings: Pick<OnlineSettings, "reward_timeout" | "reward_retries">;
  readonly signal: AbortSignal | undefined;
}

export interface Judged extends CheckedScores {
  readonly items: readonly RewardItem[];
}

/** Scores of answers, `samples` to a prompt side by side; zeros where nothing is rewarded. Throws as `scoreItems`. */
export async function judgeAnswers(
  prompts: readonly PromptRow[],
  answers: readonly SampledAnswer[],
  { reward, tokenizer, stopTokens, settings, signal, samples }: Judging & { samples: number },
): Promise<Judged> {
  const items = answers.map(({ tokens, ended }, i): RewardItem => {
    const { id, prompt, columns } = prompts[Math.floor(i / samples)]!;
    const last = tokens.at(-1);
    // Without the stop token: templates write it, and rewards are over what was said.
    const said = ended && last !== undefined && stopTokens.includes(last) ? tokens.slice(0, -1) : tokens;
    return {
      id: `${id}#${i % samples}`,
      prompt,
      completion: tokenizer.decodeContinuation(said),
      tokens,
      finishReason: ended ? "stop" : "length",
      ...(columns && { columns }),
    };
  });
  if (reward === undefined) return { scores: new Float64Array(items.length), components: {}, items };
  const checked = await scoreItems(reward, items, {
    timeoutSeconds: settings.reward_timeout,
    retries: settings.reward_retries,
    ...(signal && { signal }),
  });
  return { ...checked, items };
}

export interface Answering extends Judging {
  readonly sample: () => Promise<SampledAnswer[]>;
  readonly scorer: Scorer;
  /** Answers of a prompt. */
  readonly samples: number;
  /** Seconds are added under `generation`, `reward` and `scoring`. */
  readonly seconds: Record<string, number>;
}

/** One row an answer, in order; one without a token has no score. */
export async function answerPrompts(
  prompts: readonly PromptRow[],
  o: Answering,
): Promise<{ rows: RolloutRow[]; items: readonly RewardItem[] }> {
  const timed = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await work();
    o.seconds[name] = (o.seconds[name] ?? 0) + (performance.now() - began) / 1000;
    return result;
  };
  const answers = await timed("generation", o.sample);
  const judged = await timed("reward", () => judgeAnswers(prompts, answers, o));
  const said = answers.flatMap(({ tokens }, i) => (tokens.length > 0 ? [i] : []));
  const promptOf = (i: number): PromptRow => prompts[Math.floor(i / o.samples)]!;
  const scored = await timed("scoring", () =>
    o.scorer.score(
      said.map((i) => ({
        id: judged.items[i]!.id,
        prompt: promptOf(i).tokens,
        completions: [answers[i]!.tokens],
      })),
    ),
  );
  const numbers = new Map<number, Scored>(said.map((i, k) => [i, scored[k]!]));
  const rows = answers.map(({ tokens, logProbs, ended }, i): RolloutRow => {
    const own = numbers.get(i) ?? { logps: [], refLogps: [], values: [], lastValue: 0 };
    return {
      id: judged.items[i]!.id,
      prompt: promptOf(i),
      tokens,
      text: judged.items[i]!.completion as string,
      ended,
      samplerLogps: logProbs,
      ...own,
      // A scorer without the policy leaves the sampler's own to stand for it.
      logps: own.logps.length > 0 ? own.logps : logProbs,
      score: tokens.length === 0 ? Number.NaN : judged.scores[i]!,
      components: Object.fromEntries(
        Object.entries(judged.components).map(([name, values]) => [name, values[i]!]),
      ),
    };
  });
  return { rows, items: judged.items };
}
