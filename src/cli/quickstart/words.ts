/** Results in sentences, the same on the terminal and in the report. Knows numbers, not where they came from. */
import { percent, percentWithInterval, signed } from "../../evaluate/index.js";
import type { WinRate } from "../../stats/index.js";
import type { Comparison, Duel, ModelName } from "./compare-stage.js";
import type { JudgedStage } from "./judge-stage.js";
import type { Outcome } from "./outcome.js";
import type { Trained } from "./train-stage.js";

export const displayNames: Readonly<Record<ModelName, string>> = {
  base: "base",
  sft: "SFT",
  dpo: "DPO",
  ppo: "PPO",
};

export const duelOf = ({ duels }: Comparison, ours: ModelName, theirs: ModelName): Duel =>
  duels.find((duel) => duel.ours === ours && duel.theirs === theirs)!;

/** What an interval around one half allows to say. */
export function verdict({ low, high }: WinRate): "better" | "worse" | "unclear" {
  return low > 0.5 ? "better" : high < 0.5 ? "worse" : "unclear";
}

/** The result of the whole run in one sentence. */
export function headline(comparison: Comparison): string {
  const { people } = duelOf(comparison, "dpo", "base");
  const rate = percentWithInterval(people.winRate, people);
  switch (verdict(people)) {
    case "better":
      return `After SFT and DPO, people prefer the new model’s answer in ${rate} of cases`;
    case "worse":
      return `After SFT and DPO, people prefer the old model: the new one’s answer wins in only ${rate} of cases`;
    case "unclear":
      return `No clear change: people prefer the answer after SFT and DPO in ${rate} of cases, which may be chance`;
  }
}

/** One duel: "SFT against base: 61% (58–64), better". */
export function duelSentence({ ours, theirs, people }: Duel): string {
  const words = { better: "clearly better", worse: "clearly worse", unclear: "no clear difference" };
  const rate = percentWithInterval(people.winRate, people);
  return `${displayNames[ours]} against ${displayNames[theirs]}: people prefer ${displayNames[ours]} in ${rate} of cases: ${words[verdict(people)]}`;
}

export function agreementSentence({ agreement }: JudgedStage): string {
  const { alpha, alphaInterval } = agreement;
  const share = agreement.agreement === null ? "unknown" : percent(agreement.agreement);
  const coefficient =
    alpha === null || alphaInterval === null
      ? "Krippendorff’s alpha undefined"
      : `Krippendorff’s alpha ${signed(alpha)} (${signed(alphaInterval.low)} to ${signed(alphaInterval.high)})`;
  return `Two people who saw the same pair agreed in ${share} of cases; ${coefficient}, where 0 is chance and 1 is perfect.`;
}

/** What the people gave, in counts. */
export function judgingSentence(judged: JudgedStage): string {
  const { counts, agreement } = judged;
  return (
    `${agreement.judgements} judgements of ${agreement.items} pairs gave ${judged.train.length} pairs to train on and ` +
    `${judged.heldOut.length} about other facts to test on; ${counts.undecided} had no majority, ` +
    `${counts.unusable} had two equal or empty answers.`
  );
}

export function rewardSentence({ accuracy, ceiling }: Outcome["reward"]): string {
  return (
    `On ${accuracy.pairs} held-out pairs the reward model picks the answer people chose in ` +
    `${percentWithInterval(accuracy.accuracy, accuracy)} of cases. Guessing gives 50%; knowing exactly what people want ` +
    `would give ${percent(ceiling.accuracy)}, because people are not always sure themselves.`
  );
}

export interface Measured {
  step: number;
  value: number;
}

/** First and last value of something that was measured on held-out rows during a stage. */
export function change(history: Trained["history"], name: string): { first: Measured; last: Measured } {
  const values = history.flatMap((line) =>
    line[name] === undefined ? [] : [{ step: line.step, value: line[name] }],
  );
  const none = { step: 0, value: Number.NaN };
  return { first: values[0] ?? none, last: values.at(-1) ?? none };
}

export function sftSentence({ history, steps }: Trained): string {
  const { first, last } = change(history, "eval_loss");
  return (
    `${steps} steps; the loss on demonstrations held out was ${first.value.toFixed(3)} nats a token at step ${first.step} ` +
    `and ${last.value.toFixed(3)} at the end.`
  );
}

export function dpoSentence({ history, steps }: Trained): string {
  const accuracy = change(history, "eval_rewards/accuracies").last.value;
  const margin = change(history, "eval_rewards/margins").last.value;
  return (
    `${steps} steps; of the held-out pairs the model now ranks ${percent(accuracy)} as people did, ` +
    `with a mean margin of ${signed(margin)}.`
  );
}

export function ppoSentence({ history, steps }: Trained): string {
  const score = change(history, "objective/scores");
  const kl = change(history, "objective/kl").last.value;
  return (
    `${steps} steps; the reward model’s score of the model’s own answers went from ${signed(score.first.value)} to ` +
    `${signed(score.last.value)}, at a KL of ${signed(kl)} nats an answer from SFT.`
  );
}

/** 1 -> "once", 4 -> "4 times". */
export const times = (count: number): string =>
  count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
