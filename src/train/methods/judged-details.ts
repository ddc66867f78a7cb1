/** What trainers on answers judged alone share: log-probabilities without gradient, and TRL's mean logits by label. */
import { mul, stopGradient, sub, type Tensor } from "../../tensor/index.js";
import type { BoundModel } from "../policy.js";
import type { TraceContext } from "../trainer.js";
import {
  type BatchTensors,
  completionLogps,
  type DetailMetrics,
  detailMetrics,
  hiddenOf,
} from "./batch-graph.js";

/** Log-probabilities that carry no gradient. */
export const plainLogps = (bound: BoundModel, b: BatchTensors): Tensor =>
  stopGradient(completionLogps(bound, b, { hidden: hiddenOf(bound, b, "none") }));

/** The mean logit is that of good answers and of bad ones apart. */
export function unpairedDetails(
  { detail, policy }: TraceContext,
  { b, hidden }: { b: BatchTensors; hidden: Tensor },
): DetailMetrics {
  if (!detail) return { metrics: {}, weights: {} };
  const { metrics, weights } = detailMetrics(policy, b, {
    hidden,
    logits: ["logits/chosen", "logits/rejected"],
  });
  const label = b.values["label"]!;
  const only = (name: string, share: Tensor) => ({ [name]: { weight: mul(weights[name]!.weight, share) } });
  return {
    metrics,
    weights: { ...weights, ...only("logits/chosen", label), ...only("logits/rejected", sub(1, label)) },
  };
}
