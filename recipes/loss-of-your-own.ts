/**
 * A loss and a trainer of your own, without touching the package: the logistic loss of DPO, written by hand.
 *
 *   npm run recipe -- loss-of-your-own [steps]
 *
 * A trainer is a plain object; `pairTrainer` makes one from any function of log-probabilities. The data here is two rows;
 * give your own file to `loadExamples` in their place.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  exampleSource,
  fit,
  loadExamples,
  loadModel,
  type LossResult,
  ortBackend,
  pairTrainer,
} from "attune";
import { logSigmoid, mul, neg, sub, sum, type Tensor } from "attune/tensor";
import type { PairTensors } from "attune/train";

const beta = 0.1;

/** -log sigmoid(beta * (log-ratio of chosen - log-ratio of rejected)). */
function handMade(inputs: PairTensors): LossResult {
  const total = (logps: Tensor, mask: Tensor): Tensor => sum(mul(logps, mask), { axes: [1] }); // [pairs]
  const ratio = (own: Tensor, reference: Tensor, mask: Tensor): Tensor =>
    sub(total(own, mask), total(reference, mask));
  const chosen = ratio(inputs.chosenLogps, inputs.refChosenLogps!, inputs.chosenMask);
  const rejected = ratio(inputs.rejectedLogps, inputs.refRejectedLogps!, inputs.rejectedMask);
  const margin = mul(sub(chosen, rejected), beta);
  return { loss: neg(logSigmoid(margin)), metrics: { "rewards/margins": margin } };
}

const folder = mkdtempSync(join(tmpdir(), "attune-recipe-"));
const file = join(folder, "pairs.jsonl");
const rows = [
  {
    prompt: "What is the capital of France?",
    chosen: " Paris is the capital of France.",
    rejected: " I think it might possibly be Lyon.",
  },
  {
    prompt: "How many legs has a spider?",
    chosen: " A spider has eight legs.",
    rejected: " As an AI model I cannot count legs.",
  },
];
writeFileSync(file, rows.map((row) => JSON.stringify(row)).join("\n"));

const model = await loadModel("models/tiny", { lora: { r: 8, alpha: 16 } });
const train = exampleSource(await loadExamples(file, model));
const trainer = pairTrainer({
  name: "hand-made",
  policy: model.policy,
  train,
  loss: handMade,
  reference: "live",
});
const backend = ortBackend();
for await (const { step, metrics } of fit(trainer, {
  backend,
  maxSteps: Number(process.argv[2] ?? 10),
  learningRate: 1e-3,
})) {
  console.log(
    `step ${step}: loss ${metrics["loss"]!.toFixed(4)}, margin ${metrics["rewards/margins"]!.toFixed(4)}`,
  );
}
await backend.close();
rmSync(folder, { recursive: true });
