/** The same world for the command line: questions to train on, and the people's true utility as a reward module. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawQuestions, promptOf, type World } from "attune/evaluate";

/** Questions whose answers are learned from; a tenth of them is set aside by `attune train` for its guard. */
export const trainedQuestions = 2560;

const truth = `/** The true utility of an answer, which is held out: --held-out-reward FOLDER/truth.mjs */
import { createWorld, tasteOfPeople, utility } from "attune/evaluate";
import { answerText } from "attune/rewards";

const world = createWorld();
const taste = tasteOfPeople();
export const reward = (items) =>
  items.map((item) => utility(world.find(item.prompt.at(-1).content), answerText(item), taste));
`;

/** Writes `questions.jsonl` and `truth.mjs`. */
export function writeForCommandLine(world: World, o: { folder: string; seed: number }): void {
  const questions = drawQuestions(world, { count: trainedQuestions, seed: o.seed, stream: "goodhart" });
  const rows = questions.map((question) => JSON.stringify({ prompt: promptOf(question) }));
  writeFileSync(join(o.folder, "questions.jsonl"), `${rows.join("\n")}\n`);
  writeFileSync(join(o.folder, "truth.mjs"), truth);
}
