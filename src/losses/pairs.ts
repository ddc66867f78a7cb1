/**
 * What every pairwise loss shares: its inputs, summed log-probabilities and log-ratios, and TRL's metrics.
 * Knows no particular loss.
 */
import { AttuneError } from "../errors.js";
import {
  cast,
  constant,
  greater,
  mul,
  sameShape,
  showShape,
  stopGradient,
  sub,
  type Tensor,
} from "../tensor/index.js";
import { rowSum } from "./sums.js";

/** log p of each completion token and which tokens are real, for both answers to one prompt. */
export interface PairInputs {
  readonly chosenLogps: Tensor; // [pairs, tokens]
  readonly rejectedLogps: Tensor; // [pairs, tokens]; the two sides may differ in tokens
  readonly chosenMask: Tensor; // [pairs, tokens], 0 or 1
  readonly rejectedMask: Tensor; // [pairs, tokens], 0 or 1
  /** [pairs], 0 for rows that only fill up a batch; read by losses that look across rows. Default: all real. */
  readonly rowMask?: Tensor;
}

/** The same with the reference model's log-probabilities: per token, or already summed over the mask. */
export interface ReferencedPairInputs extends PairInputs {
  readonly refChosenLogps: Tensor; // [pairs, tokens] or [pairs]
  readonly refRejectedLogps: Tensor; // [pairs, tokens] or [pairs]
}

function wrongShape(
  where: string,
  { name, want, got }: { name: string; want: string; got: Tensor | undefined },
): never {
  throw new AttuneError("usage", {
    where: `${where}: ${name}`,
    expected: want,
    got: got === undefined ? "nothing" : showShape(got.shape),
  });
}

/** Throws `usage` where a mask does not fit its log-probabilities, or the two sides differ in pairs. */
export function checkPairs(
  where: string,
  { chosenLogps, rejectedLogps, chosenMask, rejectedMask }: PairInputs,
): void {
  if (chosenLogps.shape.length !== 2)
    wrongShape(where, { name: "chosenLogps", want: "[pairs, tokens]", got: chosenLogps });
  const want = `[${chosenLogps.shape[0]}, tokens]`;
  if (rejectedLogps.shape.length !== 2 || rejectedLogps.shape[0] !== chosenLogps.shape[0]) {
    wrongShape(where, { name: "rejectedLogps", want, got: rejectedLogps });
  }
  for (const [name, mask, logps] of [
    ["chosenMask", chosenMask, chosenLogps],
    ["rejectedMask", rejectedMask, rejectedLogps],
  ] as const) {
    if (!sameShape(mask.shape, logps.shape))
      wrongShape(where, { name, want: showShape(logps.shape), got: mask });
  }
}

/** Summed log-probabilities of the policy, each [pairs]. */
export function pairSums(where: string, inputs: PairInputs): { chosen: Tensor; rejected: Tensor } {
  checkPairs(where, inputs);
  return {
    chosen: rowSum(inputs.chosenLogps, inputs.chosenMask),
    rejected: rowSum(inputs.rejectedLogps, inputs.rejectedMask),
  };
}

/** A reference that came per token is summed; one that came summed is taken as it is. */
function referenceSum(
  where: string,
  { name, ref, mask }: { name: string; ref: Tensor | undefined; mask: Tensor },
): Tensor {
  if (ref !== undefined && sameShape(ref.shape, mask.shape)) return rowSum(ref, mask);
  if (ref !== undefined && sameShape(ref.shape, [mask.shape[0]!])) return ref;
  return wrongShape(where, { name, want: `${showShape(mask.shape)} or [${mask.shape[0]}]`, got: ref });
}

export interface PairRatios {
  readonly chosen: Tensor; // [pairs], log pi(chosen)
  readonly rejected: Tensor;
  readonly refChosen: Tensor;
  readonly refRejected: Tensor;
  /** log pi - log ref of each side. */
  readonly chosenRatio: Tensor;
  readonly rejectedRatio: Tensor;
}

/** Sums and log-ratios, each [pairs]. No gradient flows into the reference. */
export function pairRatios(where: string, inputs: ReferencedPairInputs): PairRatios {
  const { chosen, rejected } = pairSums(where, inputs);
  const side = (name: "refChosenLogps" | "refRejectedLogps", mask: Tensor): Tensor =>
    stopGradient(referenceSum(where, { name, ref: inputs[name], mask }));
  const refChosen = side("refChosenLogps", inputs.chosenMask);
  const refRejected = side("refRejectedLogps", inputs.rejectedMask);
  return {
    chosen,
    rejected,
    refChosen,
    refRejected,
    chosenRatio: sub(chosen, refChosen),
    rejectedRatio: sub(rejected, refRejected),
  };
}

/** TRL's metrics of a pair; accuracy counts strictly greater, so that a tie is wrong. */
export function pairMetrics(
  rewards: { chosen: Tensor; rejected: Tensor },
  logps: { chosen: Tensor; rejected: Tensor },
): Record<string, Tensor> {
  return {
    "rewards/chosen": rewards.chosen,
    "rewards/rejected": rewards.rejected,
    "rewards/accuracies": cast(greater(rewards.chosen, rewards.rejected), "float32"),
    "rewards/margins": sub(rewards.chosen, rewards.rejected),
    "logps/chosen": logps.chosen,
    "logps/rejected": logps.rejected,
  };
}

/** The same for the implicit rewards beta * log pi/ref. */
export const ratioMetrics = (pair: PairRatios, beta: number): Record<string, Tensor> =>
  pairMetrics({ chosen: mul(pair.chosenRatio, beta), rejected: mul(pair.rejectedRatio, beta) }, pair);

/** Numbers to constants, for examples and experiments: rows may differ in length, masks come from the lengths. */
export function pairsFrom(rows: {
  chosen: readonly (readonly number[])[];
  rejected: readonly (readonly number[])[];
  refChosen?: readonly (readonly number[])[];
  refRejected?: readonly (readonly number[])[];
}): ReferencedPairInputs {
  const side = (logps: readonly (readonly number[])[], ref = logps) => {
    const width = Math.max(1, ...logps.map((row) => row.length));
    const fill = (of: readonly (readonly number[])[], at: (x: number | undefined) => number): Tensor =>
      constant(
        of.flatMap((row) => Array.from({ length: width }, (_, t) => at(row[t]))),
        [logps.length, width],
      );
    return {
      logps: fill(logps, (x) => x ?? 0),
      ref: fill(ref, (x) => x ?? 0),
      mask: fill(logps, (x) => (x === undefined ? 0 : 1)),
    };
  };
  const chosen = side(rows.chosen, rows.refChosen);
  const rejected = side(rows.rejected, rows.refRejected);
  return {
    chosenLogps: chosen.logps,
    chosenMask: chosen.mask,
    refChosenLogps: chosen.ref,
    rejectedLogps: rejected.logps,
    rejectedMask: rejected.mask,
    refRejectedLogps: rejected.ref,
  };
}
