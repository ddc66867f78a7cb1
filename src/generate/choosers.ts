/**
 * From what a step's graph gave to one token a row: the likeliest, one drawn from probabilities, or one chosen after a row's
 * own rules have changed its logits. Knows no caches and no batches.
 */
import type { HostTensor } from "../tensor/index.js";
import { drawToken, likeliest, type Row } from "./draw.js";
import type { ChosenToken, Sequence } from "./sequence.js";
import type { Choice } from "./step-graph.js";

/** Chooses the token that follows a row of the step just run. */
export type Chooser = (row: number, sequence: Sequence) => ChosenToken;

export type StepOutputs = Readonly<Record<string, HostTensor>>;

const makers: Readonly<Record<Choice, (out: StepOutputs) => Chooser>> = {
  greedy: greedyChooser,
  sample: samplingChooser,
  rules: ruledChooser,
};

export const chooserOf = (choice: Choice, out: StepOutputs): Chooser => makers[choice](out);

function greedyChooser(out: StepOutputs): Chooser {
  const { token, logProb } = out as { token: HostTensor; logProb: HostTensor };
  return (row) => likeliestOf(token.data[row]!, logProb.data[row]!);
}

/** Nothing is drawn. */
const likeliestOf = (token: number, logProb: number): ChosenToken => ({
  token,
  logProb,
  temperedLogProb: logProb,
  drawLogProb: 0,
});

const rowOf = ({ data, shape }: HostTensor, row: number): Row =>
  data.subarray(row * shape[1]!, (row + 1) * shape[1]!) as Row;

function samplingChooser(out: StepOutputs): Chooser {
  const { probabilities, topLogProb } = out as { probabilities: HostTensor; topLogProb: HostTensor };
  return (row, { random, sampling }) => {
    const p = rowOf(probabilities, row);
    const top = topLogProb.data[row]!;
    if (sampling.temperature === 0) return likeliestOf(likeliest(p), top);
    const { token, probability, mass, largest } = drawToken(p, random.uniform(), sampling);
    // p is proportional to exp(logit / T), so T log(p / largest) is the distance of two logits.
    const logProb = top + sampling.temperature * Math.log(probability / largest);
    const temperedLogProb = Math.log(probability);
    return { token, logProb, temperedLogProb, drawLogProb: Math.log(probability / mass) };
  };
}

/** Rows with rules work on their logits; the others are chosen for as if those were not there. */
function ruledChooser(out: StepOutputs): Chooser {
  const plain = samplingChooser(out);
  const { logits } = out as { logits: HostTensor };
  const vocabulary = logits.shape[1]!;
  const work = new Float64Array(vocabulary);
  return (row, sequence) => {
    const { rules, sampling, random } = sequence;
    if (rules === undefined) return plain(row, sequence);
    const raw = rowOf(logits, row);
    work.set(raw);
    rules.apply(work);
    const logProbOf = (token: number, temperature = 1): number =>
      raw[token]! / temperature - logSumExp(raw, temperature);
    if (sampling.temperature === 0) {
      const token = likeliest(work);
      return likeliestOf(token, logProbOf(token));
    }
    const top = work[likeliest(work)]!;
    let sum = 0;
    for (let i = 0; i < vocabulary; i++) sum += work[i] = Math.exp((work[i]! - top) / sampling.temperature);
    for (let i = 0; i < vocabulary; i++) work[i]! /= sum;
    const { token, probability, mass } = drawToken(work, random.uniform(), sampling);
    return {
      token,
      logProb: logProbOf(token),
      temperedLogProb: logProbOf(token, sampling.temperature),
      drawLogProb: Math.log(probability / mass),
    };
  };
}

/** Of the row's logits divided by the temperature. */
function logSumExp(row: Row, temperature: number): number {
  const top = row[likeliest(row)]!;
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp((row[i]! - top) / temperature);
  return top / temperature + Math.log(sum);
}
