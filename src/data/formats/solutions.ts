/** Solutions of mathematical problems: PRM800K's judged steps, GSM8K's example solutions, questions with answers. */
import { Demonstration, Stepwise, Unpaired } from "../../records/index.js";
import {
  checked,
  defineFormat,
  describe,
  extraColumns,
  isObject,
  isText,
  lacks,
  needList,
  needObject,
  needText,
  RowProblem,
  RowSetAside,
  type Row,
} from "./format.js";

interface RatedStep {
  text: string;
  /** -1, 0, 1, or null where nobody rated it. */
  rating: number | null;
}

function readStep(value: unknown, where: string): RatedStep {
  if (!isObject(value) || !isText(value["text"]))
    throw new RowProblem(`${where}: expected {text, rating}, got ${describe(value)}`);
  const rating = value["rating"];
  if (rating !== null && rating !== undefined && ![-1, 0, 1].includes(rating as number)) {
    throw new RowProblem(`${where}.rating: expected -1, 0, 1 or null, got ${describe(rating)}`);
  }
  return { text: value["text"], rating: (rating ?? null) as number | null };
}

/** A human's step: a text in the README, an object in the files. */
const humanText = (value: unknown): string | undefined => {
  const text = isObject(value) ? value["text"] : value;
  return isText(text) && text !== "" ? text : undefined;
};

export const prm800k = defineFormat<"stepwise">({
  title: "PRM800K (OpenAI): steps with ratings",
  kind: "stepwise",
  conversion:
    "the chosen steps make one row, each alternative that was not chosen another that ends with it; rating 1 is right, 0 and -1 are wrong (as TRL); steps without rating end a row",
  matches: (row) =>
    isObject(row["question"]) && isObject(row["label"]) && Array.isArray(row["label"]["steps"]),
  convert: (row, place) => {
    const prompt = needText(needObject(row, "question"), "problem");
    const steps = needList(needObject(row, "label"), "steps");
    const paths: RatedStep[][] = [];
    const taken: RatedStep[] = [];
    for (const [index, step] of steps.entries()) {
      const where = `\`label.steps\`[${index}]`;
      if (!isObject(step)) throw new RowProblem(`${where}: expected an object, got ${describe(step)}`);
      const raw = Array.isArray(step["completions"]) ? step["completions"] : [];
      const completions = raw.map((each: unknown, at) => readStep(each, `${where}.completions[${at}]`));
      const choice = step["chosen_completion"];
      completions.forEach((completion, at) => {
        if (at !== choice && completion.rating !== null) paths.push([...taken, completion]);
      });
      const human = humanText(step["human_completion"]);
      const next =
        typeof choice === "number"
          ? completions[choice]
          : human === undefined
            ? undefined
            : { text: human, rating: 1 };
      if (next === undefined || next.rating === null) break;
      taken.push(next);
    }
    if (taken.length > 0) paths.push(taken);
    if (paths.length === 0) throw new RowSetAside("no step was rated");
    return paths.map((path, index) =>
      checked(Stepwise, {
        id: `${place.id}#${index + 1}`,
        source: place.source,
        prompt,
        completions: path.map((step) => step.text),
        labels: path.map((step) => step.rating === 1),
        extra: { ratings: path.map((step) => step.rating) },
      }),
    );
  },
});

const isSolution = (value: unknown): value is Row =>
  isObject(value) && typeof value["is_correct"] === "boolean" && isText(value["solution"]);

export const gsm8kSolutions = defineFormat<"unpaired">({
  title: "GSM8K example model solutions, each correct or not",
  kind: "unpaired",
  conversion: "one record a model: the question, its solution, and whether that is correct",
  matches: (row) =>
    isText(row["question"]) && isText(row["ground_truth"]) && Object.values(row).some(isSolution),
  convert: (row, place) =>
    Object.entries(row).flatMap(([name, value]) =>
      isSolution(value)
        ? [
            checked(Unpaired, {
              id: `${place.id}#${name}`,
              source: place.source,
              prompt: [{ role: "user", content: needText(row, "question") }],
              completion: [{ role: "assistant", content: value["solution"] as string }],
              label: value["is_correct"],
              extra: { model: name, ground_truth: row["ground_truth"] },
            }),
          ]
        : [],
    ),
});

/** The columns under which data sets keep a question and its answer. */
const spellings: readonly (readonly [question: string, answers: readonly string[]])[] = [
  ["question", ["answer", "response", "output"]],
  ["prompt", ["response", "output"]],
  ["input", ["output", "target"]],
];

function answerColumns(row: Row): [question: string, answer: string] | undefined {
  for (const [question, answers] of spellings) {
    const answer = answers.find((name) => isText(row[name]));
    if (isText(row[question]) && answer !== undefined) return [question, answer];
  }
  return undefined;
}

export const questionAnswer = defineFormat<"demonstration">({
  title: "questions with answers (GSM8K, OpenOrca, OpenRLHF)",
  kind: "demonstration",
  conversion: "the question becomes the user's message, the answer the assistant's",
  matches: (row) => answerColumns(row) !== undefined && lacks(row, "chosen", "instruction"),
  convert: (row, place) => {
    const columns = answerColumns(row);
    if (columns === undefined) {
      throw new RowProblem(
        `no question with its answer as texts; the row has ${Object.keys(row).join(", ")}`,
      );
    }
    const [question, answer] = columns;
    const system = row["system_prompt"] ?? row["system"];
    return [
      checked(Demonstration, {
        ...place,
        prompt: [
          ...(isText(system) && system !== "" ? [{ role: "system", content: system }] : []),
          { role: "user", content: needText(row, question) },
        ],
        completion: [{ role: "assistant", content: needText(row, answer) }],
        ...extraColumns(row, [question, answer, "system_prompt", "system"]),
      }),
    ];
  },
});

export const tinyStories = defineFormat<"demonstration">({
  title: "plain texts, one a row (TinyStories)",
  kind: "demonstration",
  conversion: "each text, or `story`, is learned from as it is",
  // A bare text arrives as the only column of a row, see detect.ts.
  matches: (row) => isText(row["(text)"]) || isText(row["story"]),
  convert: (row, place) => [
    checked(Demonstration, {
      ...place,
      text: needText(row, row["story"] === undefined ? "(text)" : "story"),
      ...extraColumns(row, ["story", "(text)"]),
    }),
  ],
});
