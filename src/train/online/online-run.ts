/**
 * A run's rollouts as a source of batches: prompts in, answers, rewards and log-probabilities, and out of them the items that
 * a recipe makes. An epoch of the loop is one rollout. What a checkpoint needs is plain numbers, the rollout in hand among
 * them: a run that was killed goes on as if it had not stopped. Knows no method.
 */
import { AttuneError } from "../../errors.js";
import type { Reward, RewardState } from "../../rewards/index.js";
import type { Tokenizer } from "../../text/index.js";
import { drops } from "../dropout.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Companion } from "../trainer.js";
import { type Answerers, openAnswerers } from "./answerers.js";
import { answerPrompts, judgeAnswers, type Judging } from "./answering.js";
import type { Critic } from "./critic.js";
import { rowSize } from "./answer-rows.js";
import { checkCollapse, checkDrift } from "./collapse.js";
import { layoutItems, type OnlineBatch, type OnlineItem, type RowSize } from "./item.js";
import { planSteps, type RolloutPlan } from "./plan.js";
import { type PretrainingText, textsBeside } from "./pretraining-mix.js";
import { type EncodedPrompts, promptsAt, type PromptRow } from "./prompts.js";
import type { Made, OpponentAnswers, Recipe } from "./recipe.js";
import { reportOf, rolloutMetrics, type RolloutReport, type RolloutRow } from "./rollout.js";
import type { SampledAnswer, Sampler } from "./sampler.js";
import { openScorer, type Scorer } from "./scorer.js";
import type { OnlineSettings } from "./settings.js";
import { type Lookout, openLookout, type Watch } from "./watch.js";

export interface OnlineRunOptions {
  readonly policy: Policy;
  readonly critic: Critic | undefined;
  readonly tokenizer: Tokenizer;
  readonly prompts: EncodedPrompts;
  readonly reward: Reward | undefined;
  readonly recipe: Recipe;
  readonly settings: OnlineSettings;
  /** Prompts of a rollout, and rollouts in all. */
  readonly promptsARollout: number;
  readonly rollouts: number;
  readonly onRollout: ((report: RolloutReport) => void | Promise<void>) | undefined;
  /** In place of the policy's own sampling. */
  readonly sampler: Sampler | undefined;
  /** Rows of a rollout in mini-batches, in place of a seeded shuffle. */
  readonly order: ((at: { rollout: number; pass: number; rows: number }) => readonly number[]) | undefined;
  readonly pretraining: readonly PretrainingText[] | undefined;
  readonly watch: (Watch & { readonly every: number }) | undefined;
}

/** The rollout in hand, as checkpoints have it. */
interface Current extends RolloutPlan {
  number: number;
  items: readonly OnlineItem[];
  criticOnly: boolean;
  metrics: Readonly<Record<string, number>>;
  /** Micro-batches that will be used: fewer than planned where the rollout is left early. */
  limit: number;
}

/** Seconds, which no checkpoint holds: equal runs take unequal times. */
type Times = Record<"time/generation" | "time/reward" | "time/scoring", number>;

interface Saved {
  format: 1;
  cursor: number;
  used: number;
  current: Current | undefined;
  recipe: unknown;
  reward: RewardState | undefined;
}

/** Rollouts in a row that may give nothing to learn from. */
const mostEmpty = 10;

interface Open {
  answerers: Answerers;
  scorer: Scorer;
  lookout: Lookout | undefined;
  signal: AbortSignal | undefined;
}

export class OnlineRun implements BatchSource<OnlineBatch>, Companion {
  readonly #o: OnlineRunOptions;
  #open: Open | undefined;
  #current: Current | undefined;
  /** Prompts asked so far. */
  #cursor = 0;
  /** Micro-batches of the current rollout that were handed out, and those that an update learned from. */
  #loaded = 0;
  #used = 0;
  /** Updates done, and how many had been when the policy was looked at. */
  #steps = 0;
  #looked = -1;
  #making: Promise<"stop" | void> | undefined;
  /** Of the rollout that was made last; undefined behind a resume. */
  #times: Times | undefined;
  /** When the update in hand began. */
  #updateBegan = 0;

  constructor(options: OnlineRunOptions) {
    this.#o = options;
  }

  get examples(): number {
    return this.#o.prompts.rows.length;
  }

  async open(run: Parameters<Companion["open"]>[0]): Promise<void> {
    const { backend, parameters, saved, step, signal } = run;
    const { policy, critic, settings: s, prompts, watch, tokenizer, reward } = this.#o;
    this.#steps = step;
    const answerers = await openAnswerers({
      backend,
      policy,
      parameters,
      stopTokens: prompts.stopTokens,
      settings: s,
      maxPrompt: this.#sizes().maxPrompt,
      sampler: this.#o.sampler,
    });
    const scorer = openScorer({
      backend,
      policy,
      critic,
      parameters,
      temperature: s.temperature,
      withPolicy: this.#scored,
      size: s.per_device_train_batch_size,
      ...this.#sizes(),
    });
    const lookout =
      watch && openLookout({ watch, backend, policy, parameters, tokenizer, reward, settings: s, signal });
    this.#open = { answerers, scorer, lookout, signal };
    if (saved !== undefined) this.#restore(saved as Saved);
  }

  #sizes(): { maxPrompt: number; minPrompt: number; maxCompletion: number } {
    const { prompts, settings } = this.#o;
    const shown = prompts.rows.map(({ answerTokens }) => answerTokens?.length ?? 0);
    return {
      maxPrompt: prompts.rows.reduce((most, { tokens }) => Math.max(most, tokens.length), 1),
      minPrompt: prompts.rows.reduce((least, { tokens }) => Math.min(least, tokens.length), Infinity),
      maxCompletion: shown.reduce((most, n) => Math.max(most, n), settings.max_completion_length),
    };
  }

  /** See `MakeContext`. A sampler that is not ours may know no log-probabilities; dropout makes an update's other than the policy's. */
  get #scored(): boolean {
    const { recipe, settings: s, sampler, policy } = this.#o;
    const once = s.num_mini_batches === 1 && s.num_iterations === 1;
    return !(recipe.fresh === true && once && sampler === undefined && !drops(policy));
  }

  /** Undefined where a micro-batch has to have the rows that the settings give it. */
  #row(items: readonly OnlineItem[]): RowSize | undefined {
    const { settings: s, pretraining } = this.#o;
    // bnpo divides by what its micro-batch has, and texts beside the answers come by the micro-batch.
    if (s.loss_type === "bnpo" || pretraining !== undefined) return undefined;
    return rowSize(items, {
      ...this.#sizes(),
      size: s.per_device_train_batch_size,
      parts: s.num_mini_batches,
    });
  }

  #restore({ format, cursor, used, current, recipe, reward }: Saved): void {
    if (format !== 1) {
      throw new AttuneError("checkpoint", {
        where: "online run",
        expected: "a state of format 1",
        got: String(format),
      });
    }
    this.#cursor = cursor;
    this.#used = used;
    this.#current = current;
    if (recipe !== undefined) this.#o.recipe.restore?.(recipe);
    if (reward !== undefined) this.#o.reward?.restore?.(reward);
  }

  state(): Saved {
    const current = this.#current;
    const over = current !== undefined && this.#used >= current.limit;
    return {
      format: 1,
      cursor: this.#cursor,
      used: this.#used,
      // What was learned from needs not be kept.
      current: current && { ...current, ...(over && { items: [] }) },
      recipe: this.#o.recipe.state?.(),
      reward: this.#o.reward?.state?.(),
    };
  }

  done(): boolean {
    const current = this.#current;
    return current !== undefined && current.number >= this.#o.rollouts - 1 && this.#used >= current.limit;
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.answerers.close();
    await open?.scorer.close();
    await open?.lookout?.close();
  }

  /** The rollout of that number is made, once, after a look at the policy where one is due. */
  async prepare(epoch: number): Promise<"stop" | void> {
    if (this.#current?.number === epoch) return;
    this.#making ??= this.#next(epoch).finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #next(number: number): Promise<"stop" | void> {
    const due = number % (this.#o.watch?.every ?? 1) === 0;
    if (due && (await this.#look(number)) === "stop") return "stop";
    await this.#roll(number);
  }

  async #look(rollout: number): Promise<"stop" | undefined> {
    const stop = await this.#open!.lookout?.look({ rollout, step: this.#steps });
    this.#looked = this.#steps;
    return stop;
  }

  /** The policy that comes out is looked at too. */
  async end(): Promise<void> {
    if (this.#looked < this.#steps) await this.#look((this.#current?.number ?? -1) + 1);
  }

  count(epoch: number): number {
    const current = this.#current;
    return current?.number === epoch ? current.limit : 1;
  }

  stepEnd({ index }: { index: number }): number {
    const current = this.#current!;
    return Math.min(current.limit, current.ends.find((end) => end > index) ?? current.limit);
  }

  async load({ epoch, index }: { epoch: number; index: number }): Promise<OnlineBatch> {
    await this.prepare(epoch);
    const current = this.#current!;
    const micro = current.micro[index]!;
    if (index === 0 || current.ends.includes(index)) this.#updateBegan = performance.now();
    this.#loaded = index + 1;
    const { counted } = micro;
    const items = micro.items.map((at) => current.items[at]!);
    const { criticOnly } = current;
    const row = this.#o.order === undefined ? this.#row(current.items) : undefined;
    const batch = layoutItems(items, { ...this.#sizes(), counted, criticOnly, row });
    return { ...batch, pretraining: this.#pretraining(epoch, index) };
  }

  #pretraining(rollout: number, index: number): OnlineBatch["pretraining"] {
    const { pretraining: texts = [], settings: s } = this.#o;
    if (texts.length === 0) return undefined;
    const { maxPrompt, maxCompletion } = this.#sizes();
    const size = { count: s.per_device_train_batch_size, maxLength: maxPrompt + maxCompletion };
    return textsBeside({ rollout, index }, { texts, ...size, seed: s.seed });
  }

  afterStep(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    const current = this.#current!;
    this.#used = this.#loaded;
    this.#steps += 1;
    checkDrift(metrics);
    if (this.#o.recipe.leave?.(metrics) === true && this.#used < current.limit) current.limit = this.#used;
    const seconds = (performance.now() - this.#updateBegan) / 1000;
    return { ...current.metrics, ...this.#times, "time/update": seconds, rollout: current.number };
  }

  async #roll(number: number): Promise<void> {
    const { recipe, reward, settings: s } = this.#o;
    const before = { recipe: recipe.state?.(), reward: reward?.state?.(), cursor: this.#cursor };
    try {
      for (let empty = 0; empty < mostEmpty; empty++) {
        const made = await this.#once(number);
        const plan = planSteps(made.items, {
          size: s.per_device_train_batch_size,
          accumulate: s.gradient_accumulation_steps,
          miniBatches: s.num_mini_batches,
          passes: s.num_iterations,
          seed: s.seed,
          rollout: number,
          row: this.#row(made.items),
          order: this.#o.order,
        });
        if (plan.micro.length === 0) continue;
        this.#used = 0;
        this.#current = {
          number,
          ...plan,
          items: made.items.map(plainItem),
          criticOnly: made.criticOnly ?? false,
          metrics: { ...made.metrics, "rollout/without_signal": empty },
          limit: plan.micro.length,
        };
        return;
      }
    } catch (error) {
      // As if it had not been begun: the checkpoint that follows has to make it again.
      this.#cursor = before.cursor;
      if (before.recipe !== undefined) recipe.restore?.(before.recipe);
      if (before.reward !== undefined) reward?.restore?.(before.reward);
      throw error;
    }
    throw new AttuneError("data", {
      where: `rollout ${number}`,
      expected: "answers that differ in reward",
      got: `${mostEmpty} rollouts in a row whose groups have equal rewards`,
      fix: "look at the reward: it may be too hard, too easy, or blind to what the policy changes; more generations or a higher temperature help too",
    });
  }

  /** One rollout, or several joined where groups without a difference are to be replaced. */
  async #once(number: number): Promise<Made> {
    const { settings: s, promptsARollout: wanted, recipe } = this.#o;
    const samples = s.num_generations;
    const rows: RolloutRow[] = [];
    const seconds = { generation: 0, reward: 0, scoring: 0 };
    let asked = 0;
    for (let attempt = 0; ; attempt++) {
      const prompts = promptsAt(this.#o.prompts.rows, { start: this.#cursor, count: wanted, seed: s.seed });
      const fresh = await this.#answers(prompts, seconds);
      this.#cursor += wanted;
      asked += wanted;
      if (!s.dynamic_sampling) {
        rows.push(...fresh);
        break;
      }
      const { informative = [] } = await recipe.make(fresh, this.#context(fresh, number));
      const room = wanted - rows.length / samples;
      for (const g of informative.slice(0, room)) rows.push(...fresh.slice(g * samples, (g + 1) * samples));
      if (rows.length >= wanted * samples || attempt + 1 >= s.max_resample) break;
    }
    if (rows.length === 0) return { items: [], metrics: {} };
    const began = performance.now();
    const made = await recipe.make(rows, this.#context(rows, number));
    const metrics = {
      ...rolloutMetrics(rows, this.#o.reward?.name ?? "none"),
      ...made.metrics,
      "completions/empty": rows.filter(({ tokens }) => tokens.length === 0).length,
      "prompts/too_long": this.#o.prompts.tooLong.length,
      ...(s.dynamic_sampling && { "rollout/prompts_asked": asked }),
      episode: this.#cursor * samples,
    };
    this.#times = {
      "time/generation": seconds.generation,
      "time/reward": seconds.reward,
      "time/scoring": seconds.scoring + (performance.now() - began) / 1000,
    };
    checkCollapse(rows, metrics, this.#o.settings);
    await this.#o.onRollout?.(reportOf(number, rows, { ...metrics, ...this.#times }));
    return { ...made, metrics };
  }

  #context(rows: readonly RolloutRow[], number: number): Parameters<Recipe["make"]>[1] {
    const samples = this.#o.settings.num_generations;
    const prompts = rows.flatMap(({ prompt }, r) => (r % samples === 0 ? [prompt] : []));
    return {
      number,
      samples,
      prompts,
      scored: this.#scored,
      score: (items) => this.#open!.scorer.score(items),
      greedy: async () => {
        const from = this.#open!.answerers.policy;
        const answers = await this.#sample(prompts, { from, samples: 1, temperature: 0 });
        return Array.from((await judgeAnswers(prompts, answers, { ...this.#judging(), samples: 1 })).scores);
      },
      fromReference: () => this.#opponent(prompts, { from: this.#open!.answerers.reference, samples }),
      fromMixture: () => this.#opponent(prompts, { from: this.#open!.answerers.mixture, samples }),
    };
  }

  async #opponent(
    prompts: readonly PromptRow[],
    o: { from: Sampler; samples: number },
  ): Promise<OpponentAnswers> {
    const answers = await this.#sample(prompts, o);
    const { scores } = await judgeAnswers(prompts, answers, { ...this.#judging(), samples: o.samples });
    return {
      tokens: answers.map(({ tokens }) => tokens),
      scores: Array.from(scores),
      ended: answers.map(({ ended }) => ended),
    };
  }

  #sample(
    prompts: readonly PromptRow[],
    o: { from: Sampler; samples: number; temperature?: number },
  ): Promise<SampledAnswer[]> {
    const { signal } = this.#open!;
    return o.from({
      // A prompt may come twice in a rollout: its place in the walk makes the name its own.
      prompts: prompts.map(({ id, tokens }, i) => ({ id: `${this.#cursor + i}:${id}`, tokens })),
      samples: o.samples,
      seed: this.#o.settings.seed,
      ...(o.temperature !== undefined && { temperature: o.temperature }),
      signal,
    });
  }

  #judging(): Judging {
    const { reward, tokenizer, prompts, settings } = this.#o;
    return { reward, tokenizer, stopTokens: prompts.stopTokens, settings, signal: this.#open!.signal };
  }

  async #answers(prompts: readonly PromptRow[], seconds: Record<string, number>): Promise<RolloutRow[]> {
    const samples = this.#o.settings.num_generations;
    const { answerers, scorer } = this.#open!;
    const sample = (): Promise<SampledAnswer[]> => this.#sample(prompts, { from: answerers.policy, samples });
    const { rows } = await answerPrompts(prompts, { ...this.#judging(), sample, scorer, samples, seconds });
    return rows;
  }
}

/** Plain arrays, so that JSON keeps every number. */
function plainItem({ id, prompt, completions, values, perToken }: OnlineItem): OnlineItem {
  return {
    id,
    prompt,
    completions,
    ...(values && { values }),
    ...(perToken && {
      perToken: Object.fromEntries(
        Object.entries(perToken).map(([name, rows]) => [name, rows.map((row) => Array.from(row))]),
      ),
    }),
  };
}
