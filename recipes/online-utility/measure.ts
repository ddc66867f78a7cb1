/** Answers of a policy to prompts that nobody was trained on, and what the people truly think of them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Backend, TokenGenerator, type Tokenizer } from "attune";
import {
  answerFeatures,
  drawQuestions,
  promptOf,
  type Question,
  tasteOfPeople,
  utility,
  type World,
} from "attune/evaluate";
import { bindWeights, openModel } from "attune/models";
import { bootstrapInterval } from "attune/stats";
import { chatTemplateOf, renderPrompt, stopTokenIds } from "attune/text";

export interface MeasuredAnswer {
  /** The fact asked about: answers about one fact are not independent. */
  fact: string;
  utility: number;
  correct: boolean;
  words: number;
  finished: boolean;
}

const prompts = 300;
const samples = 4;

/** One question a fact as long as there are facts, in wordings or about facts that no training prompt has. */
function unseen(world: World): Question[] {
  const held = world.questions.filter(({ split }) => split !== "train").length;
  const all = drawQuestions(world, {
    count: held,
    splits: ["prompt", "fact"],
    seed: 7,
    stream: "comparison",
  });
  const facts = new Set<string>();
  const first = all.filter(({ fact }) => !facts.has(fact.id) && facts.add(fact.id));
  return [...first, ...all.filter((question) => !first.includes(question))].slice(0, prompts);
}

interface MeasureOptions {
  backend: Backend;
  world: World;
  tokenizer: Tokenizer;
}

/** As `measure`, read from the file beside the model where it was measured before. */
export async function measureOnce(path: string, o: MeasureOptions): Promise<MeasuredAnswer[]> {
  const file = `${path}-measured.json`;
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await measure(path, o)));
  return JSON.parse(readFileSync(file, "utf8")) as MeasuredAnswer[];
}

/** The same prompts and seeds for every policy: answer i is compared with answer i. */
export async function measure(path: string, o: MeasureOptions): Promise<MeasuredAnswer[]> {
  const { tokenizer } = o;
  const questions = unseen(o.world);
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  const template = chatTemplateOf(tokenizer);
  const stopTokens = await stopTokenIds(tokenizer, template);
  const generator = new TokenGenerator(o.backend, { graph, stopTokens }, { maxRows: 128 });
  const asked = await Promise.all(
    questions.map((q) => tokenizer.encode(renderPrompt(template, promptOf(q)), { addSpecialTokens: false })),
  );
  const completions = await generator.complete(asked, {
    samples,
    maxNewTokens: 64,
    temperature: 1,
    seed: 1,
    ids: questions.map(({ text }) => text),
  });
  await generator.close();
  const taste = tasteOfPeople();
  return completions.map(({ prompt, tokens, finishReason }) => {
    const question = questions[prompt]!;
    const finished = finishReason === "stop";
    const text = tokenizer.decodeContinuation(finished ? tokens.slice(0, -1) : tokens);
    const { claim, words } = answerFeatures(question.fact, text);
    return {
      fact: question.fact.id,
      utility: utility(question, text, taste),
      correct: claim === "right",
      words,
      finished,
    };
  });
}

export interface Comparison {
  /** Mean of the paired differences in true utility; percentile bootstrap over facts, 95%. */
  gain: { mean: number; low: number; high: number };
  /** Means over answers; shares in [0, 1]. */
  sft: Means;
  trained: Means;
}

type Means = Record<"utility" | "correct" | "words" | "finished", number>;

export function compare(trained: readonly MeasuredAnswer[], sft: readonly MeasuredAnswer[]): Comparison {
  const byFact = new Map<string, number[]>();
  trained.forEach(({ fact, utility: u }, i) => {
    byFact.set(fact, [...(byFact.get(fact) ?? []), u - sft[i]!.utility]);
  });
  const facts = [...byFact.values()];
  const gain = (of: readonly (readonly number[])[]): number => mean(of.flat());
  const { low, high } = bootstrapInterval(facts, gain)!;
  return { gain: { mean: gain(facts), low, high }, sft: meansOf(sft), trained: meansOf(trained) };
}

export function sayGain({ gain, sft, trained }: Comparison): string {
  const [mid, low, high] = [gain.mean, gain.low, gain.high].map((x) => x.toFixed(2));
  const share = (x: number): string => `${(100 * x).toFixed(0)}%`;
  return `true utility ${mid} over SFT (95% ${low} to ${high}), right ${share(sft.correct)} -> ${share(trained.correct)}, words ${sft.words.toFixed(1)} -> ${trained.words.toFixed(1)}`;
}

const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;

const meansOf = (list: readonly MeasuredAnswer[]): Means => ({
  utility: mean(list.map(({ utility: u }) => u)),
  correct: mean(list.map(({ correct }) => Number(correct))),
  words: mean(list.map(({ words }) => words)),
  finished: mean(list.map(({ finished }) => Number(finished))),
});
