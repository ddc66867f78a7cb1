/** Log-probabilities of labels under a language-model head, their gradients, and statistics of the logits. */
import type { LogProbAttrs } from "../../tensor/index.js";
import { indexAt } from "./indexing.js";
import { logSumExp } from "./neural.js";
import { allocate, type KernelTable, type Value } from "./value.js";

interface Row {
  label: number;
  /** After the soft cap and the scale. */
  logits: Float64Array;
  logps: Float64Array;
  /** d logit / d (hidden . weight) */
  slopes: Float64Array;
}

/** One row at a time, so `chunk` changes nothing here. The soft cap comes before the scale, as in Gemma-2. */
function headRow(
  [hidden, weight, labels]: readonly Value[],
  i: number,
  { scale, softcap }: LogProbAttrs,
): Row {
  const [v, d] = weight!.shape as [number, number];
  const logits = new Float64Array(v);
  const slopes = new Float64Array(v).fill(scale);
  for (let j = 0; j < v; j++) {
    let z = 0;
    for (let l = 0; l < d; l++) z += hidden!.data[i * d + l]! * weight!.data[j * d + l]!;
    if (softcap > 0) {
      const t = Math.tanh(z / softcap);
      z = softcap * t;
      slopes[j]! *= 1 - t * t;
    }
    logits[j] = z * scale;
  }
  const norm = logSumExp(logits);
  const label = indexAt(labels!, i, { op: "logProbs", size: v });
  return { label, logits, logps: logits.map((z) => z - norm), slopes };
}

/** Gradient of g * log p(label) for hidden . weight[j]: g (1[j = label] - p[j]) slope[j]. */
const slopeAt = ({ label, logps, slopes }: Row, j: number): number =>
  ((j === label ? 1 : 0) - Math.exp(logps[j]!)) * slopes[j]!;

export const LOG_PROBS: Pick<
  KernelTable,
  "logProbs" | "logProbsGradHidden" | "logProbsGradWeight" | "vocabularyStats"
> = {
  logProbs: (inputs, attrs, [type]) => {
    const out = allocate(type!);
    for (let i = 0; i < out.length; i++) {
      const row = headRow(inputs, i, attrs);
      out[i] = row.logps[row.label]!;
    }
    return [out];
  },
  logProbsGradHidden: (inputs, attrs, [type]) => {
    const [, weight, , g] = inputs;
    const out = allocate(type!);
    const [v, d] = weight!.shape as [number, number];
    for (let i = 0; i < g!.data.length; i++) {
      const row = headRow(inputs, i, attrs);
      for (let j = 0; j < v; j++) {
        const factor = g!.data[i]! * slopeAt(row, j);
        for (let l = 0; l < d; l++) out[i * d + l]! += factor * weight!.data[j * d + l]!;
      }
    }
    return [out];
  },
  logProbsGradWeight: (inputs, attrs, [type]) => {
    const [hidden, , , g] = inputs;
    const out = allocate(type!);
    const [v, d] = type!.shape as [number, number];
    for (let i = 0; i < g!.data.length; i++) {
      const row = headRow(inputs, i, attrs);
      for (let j = 0; j < v; j++) {
        const factor = g!.data[i]! * slopeAt(row, j);
        for (let l = 0; l < d; l++) out[j * d + l]! += factor * hidden!.data[i * d + l]!;
      }
    }
    return [out];
  },
  vocabularyStats: (inputs, attrs, types) => {
    const [entropy, correct, meanLogit] = types.map(allocate);
    for (let i = 0; i < entropy!.length; i++) {
      const { label, logits, logps } = headRow(inputs, i, attrs);
      // A probability of 0 adds nothing, though its logarithm is -Infinity.
      for (const logp of logps) if (logp > -Infinity) entropy![i]! -= Math.exp(logp) * logp;
      correct![i] = logits.indexOf(Math.max(...logits)) === label ? 1 : 0;
      meanLogit![i] = logits.reduce((a, b) => a + b, 0) / logits.length;
    }
    return [entropy!, correct!, meanLogit!];
  },
};
