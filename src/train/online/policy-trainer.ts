/**
 * Trainer for every loss on sampled answers, with or without a critic. Which loss is a name in the registry; where
 * advantages come from is not known here.
 */
import {
  type LossResult,
  type OptionValue,
  POLICY_LOSSES,
  samplingCorrection,
  type SamplingMode,
  valueLoss,
  type ValueOptions,
  withMetrics,
} from "../../losses/index.js";
import { targetEntropies, targetStats } from "../../models/index.js";
import {
  add,
  gather,
  mul,
  reshape,
  slice,
  sum,
  cast,
  greater,
  type Tensor,
  type Tree,
} from "../../tensor/index.js";
import {
  type BatchTensors,
  batchInputs,
  completionLogps,
  feedsOf,
  hiddenOf,
  shapeOf,
} from "../methods/batch-graph.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Companion, StartInvariant, TraceContext, Trainer } from "../trainer.js";
import { type Critic, criticValues } from "./critic.js";
import type { OnlineBatch } from "./item.js";
import { pretrainingFeeds, withPretraining } from "./pretraining-mix.js";
import { tokenFeeds, tokenInputs } from "./token-inputs.js";

export interface PolicyTrainerOptions {
  readonly name: string;
  readonly policy: Policy;
  readonly train: BatchSource<OnlineBatch>;
  readonly companion?: Companion;
  /** Name in `POLICY_LOSSES`. */
  readonly lossType: string;
  readonly loss: Readonly<Record<string, OptionValue>>;
  readonly critic?: Critic | undefined;
  readonly value?: Partial<ValueOptions>;
  /** Of the texts beside a batch, where it has them. */
  readonly pretrainingWeight?: number;
  /** Temperature of the sampler: log-probabilities are those of what was drawn. Default 1. */
  readonly temperature?: number;
  /** How the loss is weighed where batches carry `samplingLogps`; "none" compares and does not weigh. Default "none". */
  readonly sampling?: { readonly mode: SamplingMode | "none"; readonly clipMax: number };
}

/** The loss compares its own graph's numbers with those that the reference has of the answers. */
const policyIsReference: StartInvariant<OnlineBatch> = {
  name: "policy equals reference",
  metric: "diag/kl_k1",
  expected: { of: (_, metrics) => (metrics["diag/kl_k1"] === undefined ? undefined : 0) },
  formula: "nats a token",
  tolerance: 1e-3,
  fix: "the reference is not the model that training starts from, or the answers were scored at another temperature",
};

/**
 * Batches carry one completion an item, with `refLogps`, `advantages` (equal within a row where the loss takes one a row), and
 * where they apply `oldLogps` (without them the ratio is taken against the policy as it stands), `samplingLogps`, `oldValues`,
 * `returns` a token.
 */
export function policyTrainer(o: PolicyTrainerOptions): Trainer<OnlineBatch> {
  const { policy, critic } = o;
  return {
    name: o.name,
    policy,
    train: o.train,
    ...(o.companion && { companion: o.companion }),
    invariants: [policyIsReference],
    shape: (batch) =>
      [
        shapeOf(batch),
        ...Object.keys(batch.perToken),
        batch.criticOnly,
        ...(batch.pretraining ? [shapeOf(batch.pretraining)] : []),
      ].join(),
    feeds: (batch) => ({
      ...feedsOf(batch),
      ...(batch.pretraining && pretrainingFeeds(batch.pretraining)),
      ...tokenFeeds(batch),
    }),
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, context) {
      const b = batchInputs(batch);
      const { given, inputs: perToken } = tokenInputs(batch);
      const hidden = hiddenOf(context.policy, b, context.recompute);
      const { result: policyPart, inputs: beside } = remembering(
        policyTerm(o, { context, b, hidden, given }),
        { batch, context, mask: b.gridMask, weight: o.pretrainingWeight ?? 0 },
      );
      const rowMask = cast(greater(sum(b.gridMask, { axes: [1] }), 0), "float32");
      const inputs = {
        ...b.inputs,
        ...beside,
        ...perToken,
      };
      if (critic === undefined) return { result: policyPart, inputs, rowMask };
      const { values } = criticValues(critic, {
        bound: context.policy,
        b,
        hidden,
        recompute: context.recompute,
        alone: batch.criticOnly,
      });
      const valuePart = valueLoss(
        { values, oldValues: given["oldValues"]!, returns: given["returns"]!, mask: b.gridMask },
        o.value,
      );
      return { result: both(policyPart, valuePart, batch.criticOnly), inputs, rowMask };
    },
  };
}

/** With the term for the texts beside the batch. */
function remembering(
  result: LossResult,
  o: { batch: OnlineBatch; context: TraceContext; mask: Tensor; weight: number },
): { result: LossResult; inputs: Tree } {
  const { pretraining: batch } = o.batch;
  if (batch === undefined) return { result, inputs: {} };
  const { policy: bound, recompute } = o.context;
  return withPretraining(result, { batch, bound, recompute, mask: o.mask, weight: o.weight });
}

interface Parts {
  context: TraceContext;
  b: BatchTensors;
  hidden: Tensor;
  given: ReturnType<typeof tokenInputs>["given"];
}

function policyTerm(o: PolicyTrainerOptions, { context, b, hidden, given }: Parts): LossResult {
  const entry = POLICY_LOSSES[o.lossType as keyof typeof POLICY_LOSSES];
  const { model } = context.policy;
  const scale = 1 / (o.temperature ?? 1);
  const logps = completionLogps(context.policy, b, { hidden, temperature: o.temperature });
  const perRow = entry.advantages === "rows";
  // One a row: the first token's, which every row has.
  const advantages = perRow ? firstColumn(given["advantages"]!) : given["advantages"]!;
  const entropies = entry.needsEntropies(o.loss)
    ? gather(targetEntropies(model, hidden, { ...b, scale }), b.grid)
    : context.detail
      ? gather(targetStats(model, hidden, { ...b, head: { scale } }).entropy, b.grid)
      : undefined;
  const { oldLogps, samplingLogps } = given;
  const mask = b.gridMask;
  const { mode = "none", clipMax } = o.sampling ?? {};
  const correction =
    samplingLogps &&
    samplingCorrection(
      { logps: oldLogps ?? logps, samplingLogps, mask },
      { ...(mode !== "none" && { mode: perRow ? wholeRow[mode] : mode }), ...(clipMax && { clipMax }) },
    );
  const result = entry.loss(
    {
      logps,
      mask,
      advantages,
      refLogps: given["refLogps"]!,
      ...(oldLogps && { oldLogps }),
      ...(correction && mode !== "none" && { samplingRatio: correction.ratio }),
      ...(samplingLogps && { samplingLogps }),
      ...(entropies && { entropies }),
    },
    o.loss,
  );
  return correction === undefined ? result : withMetrics(result, correction);
}

/** What corrects the action where that is the whole answer. */
const wholeRow: Readonly<Record<SamplingMode, SamplingMode>> = {
  token_truncate: "sequence_truncate",
  token_mask: "sequence_mask",
  sequence_truncate: "sequence_truncate",
  sequence_mask: "sequence_mask",
};

/** Both are [rows, tokens]. */
function both(policy: LossResult, value: LossResult, criticOnly: boolean): LossResult {
  return {
    ...withMetrics(policy, value),
    loss: criticOnly ? add(mul(policy.loss, 0), value.loss) : add(policy.loss, value.loss),
  };
}

/** [rows, tokens] -> [rows] */
const firstColumn = (x: Tensor): Tensor => reshape(slice(x, 1, { start: 0, end: 1 }), [x.shape[0]!]);
