/**
 * What losses on unpaired data share: single completions, each marked good or bad, and TRL's metrics over either
 * kind. Knows no particular loss.
 */
import { AttuneError } from "../errors.js";
import {
  greater,
  mul,
  sameShape,
  showShape,
  stopGradient,
  sub,
  where,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { number } from "./options.js";
import { rowSum } from "./sums.js";

export interface UnpairedInputs {
  readonly logps: Tensor; // [rows, tokens], log p of each completion token
  readonly mask: Tensor; // [rows, tokens], 0 or 1
  readonly refLogps: Tensor; // [rows, tokens], or [rows] already summed
  readonly desirable: Tensor; // [rows], 1 for good, 0 for bad
  /** [rows], 0 for rows that only fill up a batch; read by losses that look across rows. Default: all real. */
  readonly rowMask?: Tensor;
}

export const WEIGHT_OPTIONS = {
  desirableWeight: number(1, {
    min: 0,
    doc: "Weight of good rows; with the other, keep (good rows x weight) : (bad rows x weight) between 1:1 and 4:3.",
    source: "TRL KTOConfig; the ratio is the KTO paper's advice (2402.01306)",
  }),
  undesirableWeight: number(1, {
    min: 0,
    doc: "Weight of bad rows.",
    source: "TRL KTOConfig",
  }),
} as const;

/** Summed log-probabilities and log-ratios, each [rows]. No gradient flows into the reference. */
export function unpairedRatios(
  where: string,
  { logps, mask, refLogps, desirable }: UnpairedInputs,
): { policy: Tensor; ratio: Tensor } {
  const rows = mask.shape[0]!;
  const summed = sameShape(refLogps.shape, [rows]);
  const fits = sameShape(mask.shape, logps.shape) && (summed || sameShape(refLogps.shape, mask.shape));
  if (mask.shape.length !== 2 || !fits || !sameShape(desirable.shape, [rows])) {
    throw new AttuneError("usage", {
      where,
      expected: "logps and mask [rows, tokens], refLogps the same or [rows], desirable [rows]",
      got: [logps, mask, refLogps, desirable].map((t) => showShape(t.shape)).join(", "),
    });
  }
  const policy = rowSum(logps, mask);
  return { policy, ratio: sub(policy, stopGradient(summed ? refLogps : rowSum(refLogps, mask))) };
}

/** a for good rows, b for bad ones. */
export const byLabel = (desirable: Tensor, a: Tensor | number, b: Tensor | number): Tensor =>
  where(greater(desirable, 0.5), a, b);

/** TRL's metrics: means over good rows and over bad rows, and the difference of the two. */
export function unpairedMetrics(
  { reward, policy }: { reward: Tensor; policy: Tensor },
  desirable: Tensor,
): Required<Pick<LossResult, "metrics" | "metricRules" | "metricDifferences">> {
  const good = { weight: byLabel(desirable, 1, mul(desirable, 0)) };
  const bad = { weight: sub(1, good.weight) };
  return {
    metrics: {
      "rewards/chosen": reward,
      "rewards/rejected": reward,
      "logps/chosen": policy,
      "logps/rejected": policy,
    },
    metricRules: {
      "rewards/chosen": good,
      "rewards/rejected": bad,
      "logps/chosen": good,
      "logps/rejected": bad,
    },
    metricDifferences: { "rewards/margins": ["rewards/chosen", "rewards/rejected"] },
  };
}
