/**
 * The classic exercise: two people judge the same 20 pairs; how far they agree, the best that a reward model could then
 * score, what a small one learns from the pairs on which they agree, and what 20 pairs cannot show. The two are simulated
 * and of different taste, so that the truth, which nobody else has, can stand beside the estimates.
 *
 *   npm run recipe -- two-annotators [PAIRS] [SEED]
 *
 * PAIRS: 20 by default; 400 shows what more of the same buys.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  exampleSource,
  fitToEnd,
  loadExamples,
  loadModel,
  ortBackend,
  reward,
  saveModelFolder,
} from "attune";
import {
  answerPairs,
  builtInAnnotators,
  collectJudgements,
  createWorld,
  numberWithInterval,
  percent,
  percentWithInterval,
  type PreferenceRow,
  preferenceRows,
  rewardAccuracy,
  sequenceRewards,
  tasteOfPeople,
  utility,
} from "attune/evaluate";
import { bindWeights } from "attune/models";
import {
  agreementSummary,
  countRatings,
  noiseCeiling,
  pairsForWinRate,
  wilsonInterval,
  type WithInterval,
} from "attune/stats";

const [pairs = 20, seed = 42] = process.argv.slice(2).map(Number);
const heldOut = 400;
const world = createWorld();
const annotators = builtInAnnotators.filter(({ id }) => id === "ada" || id === "chen");
const folder = mkdtempSync(join(tmpdir(), "attune-two-annotators-"));
const backend = ortBackend();

// One draw, cut in two: no question is in both.
const drawn = answerPairs(world, { count: pairs + heldOut, seed });
const judged = collectJudgements(drawn.slice(0, pairs), { annotators, perPair: 2, seed });
const votes = judged.map(({ judgements }) => judgements.map(({ winner }) => winner));
console.log(
  `${pairs} pairs of answers, judged without seeing each other by ${annotators
    .map(({ id, character }) => `${id}, who ${character}`)
    .join(", and ")}.\n`,
);

sayAgreement();
sayCeiling();
await sayRewardModel();
await backend.close();
rmSync(folder, { recursive: true });

function sayAgreement(): void {
  const { counts } = countRatings(votes, ["a", "tie", "b"]);
  const { percent: share, alphaNominal, ac1 } = agreementSummary(counts, { seed });
  const same = Math.round(share.value! * pairs);
  const between = ({ value, interval }: WithInterval): string =>
    value === null || interval === null ? "undefined" : numberWithInterval(value, interval);
  console.log(`The same answer (one, the other, a tie) to ${same} of ${pairs}:`);
  console.log(
    `  percent  ${percentWithInterval(share.value!, wilsonInterval(same, pairs))}: luck is in it, two guessers reach a third or more`,
  );
  console.log(`  alpha    ${between(alphaNominal)}: luck taken out; 0 is guessing, 1 always the same`);
  console.log(`  AC1      ${between(ac1)}: luck taken out by another idea of luck`);
  const interval = alphaNominal.interval;
  if (interval === null) return;
  // Krippendorff's own bounds: from .8 on reliable, from .667 on for tentative conclusions.
  const verdict =
    interval.low <= 0
      ? "0 is among the values that these pairs leave open: they may as well guess"
      : interval.low < 0.667 && interval.high >= 0.667
        ? "they share something, but these pairs do not tell whether enough (0.667 is the least that is usually asked)"
        : interval.high < 0.667
          ? "they share something, and less than the 0.667 that is usually asked: people differ, or the guidelines are unclear"
          : "they share at least the 0.667 that is usually asked";
  console.log(`Read alpha's interval first: ${verdict}. Four times the pairs make it half as wide.\n`);
}

function sayCeiling(): void {
  const decided = votes.map((given) => ["a", "b"].map((side) => given.filter((one) => one === side).length));
  const { agreement, items, lowest, highest, lowestInterval, highestInterval } = noiseCeiling(decided, {
    seed,
  });
  if (agreement === null || highest === null) {
    console.log(`${items} pairs that both decided do not say how well a reward model could do.\n`);
    return;
  }
  console.log(
    `Of the ${items} pairs that both decided they agree on ${percent(agreement)}. So the best reward model there can be picks one ` +
      `person's choice in ${percent(lowest!)} to ${percent(highest)} of pairs; with the doubt of so few pairs ` +
      `${percent(lowestInterval!.low)} to ${percent(highestInterval!.high)}.\n`,
  );
}

async function sayRewardModel(): Promise<void> {
  // Both chose the same answer; a tie of one of them is no agreement.
  const agreed = preferenceRows(judged).rows.filter((row) => row.votes === 1);
  if (agreed.length === 0) {
    console.log("They agree on no pair: there is nothing to train on.");
    return;
  }
  const one = collectJudgements(drawn.slice(pairs), { annotators, perPair: 1, seed: seed + 1 });
  const unseen = preferenceRows(one).rows;
  const path = await train(agreed);
  const seen = rewardAccuracy(await score(path, agreed));
  const held = rewardAccuracy(await score(path, unseen));
  const taste = tasteOfPeople(annotators);
  const best = rewardAccuracy(
    unseen.map(({ prompt, chosen, rejected }) => {
      const question = world.find(prompt[0].content)!;
      const [better, worse] = [chosen, rejected].map(([turn]) => utility(question, turn.content, taste));
      return { chosen: better!, rejected: worse! };
    }),
  );
  console.log(`A reward model, trained on the ${agreed.length} pairs on which they chose the same answer:`);
  console.log(`  on these pairs   ${percent(seen.accuracy)} right: it has seen them, this says nothing`);
  console.log(
    `  on ${held.pairs} others    ${percentWithInterval(held.accuracy, held)} right, each judged by one of the two; a coin has 50%`,
  );
  console.log(
    `  the best there is   ${percentWithInterval(best.accuracy, best)}: their true mean taste, known because they are simulated`,
  );
  console.log(
    held.low > 0.5
      ? `It learned something of what they like (50% is outside), and ${percent(best.accuracy - held.accuracy)} of all pairs are still to be won.`
      : "50% is inside: nothing shows that it learned more than the pairs themselves.",
  );
  console.log(
    `\nThat is known only because ${held.pairs} further judgements were at hand. To tell 60% from a coin takes ${pairsForWinRate(0.6)} ` +
      `test pairs, 70% takes ${pairsForWinRate(0.7)}: what a first 20 pairs show is whether the question can be understood and whether ` +
      `two people mean roughly the same by it, before thousands are paid for; not how good a reward model is.`,
  );
}

async function train(rows: readonly PreferenceRow[]): Promise<string> {
  const model = await loadModel("models/tiny", { head: "sequence", seed });
  const source = exampleSource(await loadExamples(fileOf("agreed", rows), model), {
    plan: { perDeviceBatchSize: 8, seed },
  });
  const { parameters } = await fitToEnd(reward({ policy: model.policy, train: source }), {
    backend,
    // At least 20 updates, however few the rows.
    epochs: Math.max(2, Math.ceil((20 * 8) / rows.length)),
    learningRate: 5e-4,
    warmup: 0.1,
    detailSteps: 0,
    recompute: "none",
  });
  const path = join(folder, "reward");
  await saveModelFolder(path, model.policy.folder, { parameters, dtype: "F32" });
  return path;
}

async function score(
  path: string,
  rows: readonly PreferenceRow[],
): Promise<{ chosen: number; rejected: number }[]> {
  const model = await loadModel(path);
  const examples = await loadExamples(fileOf("scored", rows), model);
  const list = Array.from({ length: examples.length }, (_, k) => examples.at(k)!);
  const graph = { config: model.policy.folder.config, weights: bindWeights(model.policy.folder) };
  const scores = await sequenceRewards(list, { backend, model: { graph } });
  return scores.map(([chosen, rejected]) => ({ chosen: chosen!, rejected: rejected! }));
}

function fileOf(name: string, rows: readonly PreferenceRow[]): string {
  const file = join(folder, `${name}.jsonl`);
  writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));
  return file;
}
