/** Answers of a policy to prompts that nobody was trained on, and what the people truly think of them. */
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

/** The same prompts and seeds for every policy: answer i is compared with answer i. */
export async function measure(
  path: string,
  o: { backend: Backend; world: World; tokenizer: Tokenizer },
): Promise<MeasuredAnswer[]> {
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

export interface Difference {
  mean: number;
  low: number;
  high: number;
}

/** Mean of the paired differences; percentile bootstrap over facts, 95%. */
export function difference(ours: readonly MeasuredAnswer[], theirs: readonly MeasuredAnswer[]): Difference {
  const byFact = new Map<string, number[]>();
  ours.forEach(({ fact, utility: u }, i) => {
    const gains = byFact.get(fact) ?? [];
    byFact.set(fact, [...gains, u - theirs[i]!.utility]);
  });
  const facts = [...byFact.values()];
  const mean = (of: readonly (readonly number[])[]): number => {
    const all = of.flat();
    return all.reduce((a, b) => a + b, 0) / all.length;
  };
  const { low, high } = bootstrapInterval(facts, mean)!;
  return { mean: mean(facts), low, high };
}
