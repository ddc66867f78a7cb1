/** Two sides of a data set by the prompts' hashes, as views of one file of examples. Knows no tokens. */
import { type Examples, growingUint32, selectExamples, splitOfHash } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import type { PreparedData } from "./prepare-data.js";

/** No prompt is on both sides. Throws `data` when one side is empty. */
export function splitExamples(
  { examples, summary }: PreparedData,
  { share, seed }: { share: number; seed: number },
): { train: Examples; evaluation: Examples } {
  const sides = { train: growingUint32(), evaluation: growingUint32() };
  const shares = { train: 1 - share, evaluation: share };
  examples.promptHashes.forEach((hash, i) =>
    sides[splitOfHash(hash, { shares, seed }) as keyof typeof sides].push(i),
  );
  for (const [name, list] of Object.entries(sides)) {
    if (list.length > 0) continue;
    throw new AttuneError("data", {
      where: summary.source,
      expected: `rows on both sides of a split that holds out ${share}`,
      got: `none of ${examples.length} rows for ${name === "train" ? "training" : "evaluation"}`,
      fix: "give more rows, another share or seed, or --eval-data",
    });
  }
  return {
    train: selectExamples(examples, sides.train.view()),
    evaluation: selectExamples(examples, sides.evaluation.view()),
  };
}
