/**
 * What a loss is: a pure function of tensors that gives an unreduced loss and per-row metrics. Knows nothing of
 * models, batches or loops.
 */
import type { Tensor } from "../tensor/index.js";

export interface MetricRule {
  /** [rows], counts of each row in the mean. Default 1. */
  readonly weight?: Tensor;
  /** How rows become one number. Default "mean". */
  readonly reduce?: "mean" | "min" | "max";
}

export interface LossResult {
  /** Unreduced. [rows]: the mean over real rows is trained. [rows, tokens]: its sum divided by the real tokens. */
  readonly loss: Tensor;
  /**
   * A second term, added by losses that mix a mean over rows with a mean over tokens (ORPO, CPO, TPO):
   * `loss` [rows, tokens], zero where `mask` is; its sum is divided by the tokens of the whole accumulated batch.
   */
  readonly tokenTerm?: { readonly loss: Tensor; readonly mask: Tensor };
  /** Under TRL's names, each [rows]. */
  readonly metrics: Readonly<Record<string, Tensor>>;
  /** For metrics that are not the plain mean over rows. */
  readonly metricRules?: Readonly<Record<string, MetricRule>>;
  /** Metrics that are the difference of two reduced ones: name -> [minuend, subtrahend]. */
  readonly metricDifferences?: Readonly<Record<string, readonly [string, string]>>;
  /** Scalars that the next batch takes as inputs of the same names (running means). */
  readonly state?: Readonly<Record<string, Tensor>>;
}

/** A loss with further metrics beside its own. */
export const withMetrics = (
  result: LossResult,
  { metrics, metricRules }: Pick<LossResult, "metrics" | "metricRules">,
): LossResult => ({
  ...result,
  metrics: { ...result.metrics, ...metrics },
  metricRules: { ...result.metricRules, ...metricRules },
});

export type Loss<I, O> = (inputs: I, options: O) => LossResult;
