/**
 * What losses on sampled answers share: their inputs, importance ratios, penalties and metrics. A loss of this family
 * gives its surrogate for every token and says how tokens become a loss. Knows no particular surrogate.
 *
 * Conventions: advantages, old, reference and sampler log-probabilities carry no gradient. Log-ratios are held within
 * +-80, so that float32 does not overflow.
 */
import { AttuneError } from "../errors.js";
import {
  add,
  clamp,
  div,
  exp,
  expand,
  constant,
  mul,
  reshape,
  sameShape,
  showShape,
  square,
  stopGradient,
  sub,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult, MetricRule } from "./contract.js";
import { klDiagnostics, klEstimate, KL_ESTIMATORS } from "./kl.js";
import { needed } from "./needed.js";
import { choice, number, type OptionsOf, type OptionSpec } from "./options.js";
import { keptRows, topEntropy } from "./policy-masks.js";
import { keep, rowCount, rowLength, rowSum } from "./sums.js";

export interface PolicyInputs {
  /** [rows, tokens], log p under the policy in training. */
  readonly logps: Tensor;
  /** [rows, tokens], 0 or 1; tokens written by a tool are 0. */
  readonly mask: Tensor;
  /** [rows], or [rows, tokens]. */
  readonly advantages: Tensor;
  /** [rows, tokens], under the policy that the ratio is taken against. Default: `logps`, held fixed (ratio 1). */
  readonly oldLogps?: Tensor;
  /** [rows, tokens], under the reference. Needed where beta > 0; where given, its KL is a metric. */
  readonly refLogps?: Tensor;
  /** [rows, tokens]. Needed where entropyCoef > 0 or topEntropyQuantile < 1; where given, a metric. */
  readonly entropies?: Tensor;
  /** [rows, tokens] or [rows, 1]: correction for a sampler that is not the trainer, see `samplingCorrection`. */
  readonly samplingRatio?: Tensor;
  /** [rows, tokens], under the sampler; read where `offPolicyThreshold` is set. Default: `oldLogps`. */
  readonly samplingLogps?: Tensor;
}

export const PENALTY_OPTIONS = {
  beta: number(0, {
    min: 0,
    doc: "Weight of the KL penalty against the reference, in the loss.",
    source: "TRL GRPOConfig.beta",
  }),
  klEstimator: choice("k3", {
    choices: KL_ESTIMATORS,
    doc: "How the KL is estimated; `k3+` has k3's value and the unbiased gradient.",
    source: "GRPO (2402.03300), eq. 4",
  }),
  entropyCoef: number(0, {
    min: 0,
    doc: "Weight of the mean token entropy, which is added to the objective.",
    source: "TRL GRPOConfig: off",
  }),
} as const;

/** Drops no row. */
const NO_THRESHOLD = 1e9;

const biasCorrectedKl: OptionSpec<boolean> = {
  default: false,
  doc: "Multiplies the KL estimate by the importance ratio.",
  source: "TRL GRPOConfig: off; DeepSeek-V3.2",
};

export const GROUP_OPTIONS = {
  ...PENALTY_OPTIONS,
  biasCorrectedKl,
  topEntropyQuantile: number(1, {
    above: 0,
    max: 1,
    doc: "Share of tokens, those of the highest entropy, that the policy term keeps.",
    source: "TRL GRPOConfig; 0.2 in 2506.01939",
  }),
  offPolicyThreshold: number(NO_THRESHOLD, {
    doc: "Rows with a negative advantage and a mean of old - new log-probability above this are dropped; 1e9 drops none.",
    source: "TRL GRPOConfig: off; DeepSeek-V3.2, eq. 9",
  }),
} as const;

export const IMPORTANCE_LEVELS = ["token", "sequence", "sequence_token"] as const;
export type ImportanceLevel = (typeof IMPORTANCE_LEVELS)[number];

type PenaltyOptions = OptionsOf<typeof PENALTY_OPTIONS>;
export type AnyPolicyOptions = PenaltyOptions & Partial<OptionsOf<typeof GROUP_OPTIONS>>;

export interface PolicyState {
  readonly mask: Tensor;
  /** Real tokens only. [rows, tokens] */
  readonly logps: Tensor;
  /** [rows, 1] or [rows, tokens] */
  readonly advantages: Tensor;
  /** log policy - log old, clamped. [rows, tokens] */
  readonly logRatio: Tensor;
  /** Of the wanted level: [rows, tokens], or [rows, 1] for "sequence". */
  readonly ratio: Tensor;
  /** One ratio a row: metrics of it count rows, not tokens. */
  readonly perRow: boolean;
  readonly samplingRatio: Tensor | undefined;
}

const asColumn = (x: Tensor): Tensor => (x.shape.length === 1 ? reshape(x, [x.shape[0]!, 1]) : x);

/** Mean over a row's tokens, as a column. [rows, tokens] -> [rows, 1] */
export const rowAverage = (x: Tensor, mask: Tensor): Tensor =>
  asColumn(div(rowSum(x, mask), rowLength(mask)));

export function checkPolicyShapes(where: string, inputs: PolicyInputs): void {
  const { mask } = inputs;
  const [rows, tokens] = mask.shape as [number, number];
  const allowed: Record<string, readonly (readonly number[])[]> = {
    mask: [[rows, tokens]],
    logps: [[rows, tokens]],
    advantages: [[rows], [rows, tokens]],
    oldLogps: [[rows, tokens]],
    refLogps: [[rows, tokens]],
    entropies: [[rows, tokens]],
    samplingRatio: [
      [rows, tokens],
      [rows, 1],
    ],
    samplingLogps: [[rows, tokens]],
  };
  for (const [name, shapes] of Object.entries(allowed)) {
    const x = (inputs as unknown as Readonly<Record<string, Tensor | undefined>>)[name];
    if (x === undefined || (mask.shape.length === 2 && shapes.some((shape) => sameShape(x.shape, shape))))
      continue;
    throw new AttuneError("usage", {
      where: `${where}: ${name}`,
      expected: mask.shape.length === 2 ? shapes.map(showShape).join(" or ") : "a mask [rows, tokens]",
      got: showShape(x.shape),
    });
  }
}

export function policyState(where: string, inputs: PolicyInputs, level: ImportanceLevel): PolicyState {
  checkPolicyShapes(where, inputs);
  const { mask, samplingRatio } = inputs;
  const logps = keep(inputs.logps, mask);
  const old = stopGradient(inputs.oldLogps === undefined ? logps : keep(inputs.oldLogps, mask));
  const logRatio = clamp(sub(logps, old), -80, 80);
  const given = asColumn(stopGradient(inputs.advantages));
  const ratios: Record<ImportanceLevel, () => Tensor> = {
    token: () => exp(logRatio),
    sequence: () => exp(rowAverage(logRatio, mask)),
    // The value of the sequence's ratio, the gradient of each token's own (GSPO-token).
    sequence_token: () => exp(add(sub(logps, stopGradient(logps)), stopGradient(rowAverage(logRatio, mask)))),
  };
  return {
    mask,
    logps,
    logRatio,
    advantages: given.shape[1] === 1 ? given : keep(given, mask),
    ratio: ratios[level](),
    perRow: level === "sequence",
    samplingRatio:
      samplingRatio === undefined
        ? undefined
        : samplingRatio.shape[1] === mask.shape[1]
          ? keep(stopGradient(samplingRatio), mask)
          : stopGradient(samplingRatio),
  };
}

export interface Metrics {
  readonly metrics: Record<string, Tensor>;
  readonly metricRules: Record<string, MetricRule>;
}

/** A mean over real tokens: each row's mean, weighted by its length. */
export function tokenMean(x: Tensor, mask: Tensor): { value: Tensor; weight: Tensor } {
  return { value: div(rowSum(x, mask), rowLength(mask)), weight: rowCount(mask) };
}

/** Means over real tokens, under their names. */
export function tokenMeans(values: Readonly<Record<string, Tensor>>, mask: Tensor): Metrics {
  const each = Object.entries(values).map(([name, x]) => [name, tokenMean(x, mask)] as const);
  return {
    metrics: Object.fromEntries(each.map(([name, { value }]) => [name, value])),
    metricRules: Object.fromEntries(each.map(([name, { weight }]) => [name, { weight }])),
  };
}

export const mergeMetrics = (...parts: readonly Metrics[]): Metrics => ({
  metrics: Object.assign({}, ...parts.map(({ metrics }) => metrics)) as Metrics["metrics"],
  metricRules: Object.assign({}, ...parts.map(({ metricRules }) => metricRules)) as Metrics["metricRules"],
});

export interface Surrogate extends Metrics {
  /** What is minimised at each token, unmasked: [rows, tokens], or [rows, 1]. */
  readonly loss: Tensor;
  /** The sampler's correction is inside already. Default false. */
  readonly correctsSampling?: boolean;
}

/** How tokens become a loss: [rows, tokens] stays (divided by all real tokens), [rows] is averaged over rows. */
export type Aggregation = (perToken: Tensor, mask: Tensor) => Tensor;

export const byTokens: Aggregation = (perToken) => perToken;
export const byRowMeans: Aggregation = (perToken, mask) => div(rowSum(perToken, mask), rowLength(mask));
export const byRowSums: Aggregation = (perToken, mask) => rowSum(perToken, mask);

export interface PolicyLossParts {
  readonly options: AnyPolicyOptions;
  readonly level?: ImportanceLevel;
  readonly aggregate: Aggregation;
  surrogate(state: PolicyState): Surrogate;
}

/** Puts a surrogate, penalties and metrics together. */
export function policyLoss(where: string, inputs: PolicyInputs, parts: PolicyLossParts): LossResult {
  const { options, level = "token", aggregate } = parts;
  const { beta, entropyCoef, topEntropyQuantile = 1, offPolicyThreshold = NO_THRESHOLD } = options;
  const state = policyState(where, inputs, level);
  const { mask, samplingRatio } = state;
  const surrogate = parts.surrogate(state);
  const weights = [
    offPolicyThreshold < NO_THRESHOLD
      ? keptRows({ ...state, samplingLogps: inputs.samplingLogps }, offPolicyThreshold)
      : undefined,
    topEntropyQuantile < 1
      ? topEntropy(entropiesOf(where, inputs, "topEntropyQuantile < 1"), mask, { share: topEntropyQuantile })
      : undefined,
    surrogate.correctsSampling === true ? undefined : samplingRatio,
  ];
  let each = weights.reduce<Tensor>((x, w) => (w === undefined ? x : mul(x, w)), surrogate.loss);
  const divergence = klTerm(where, inputs, { options, state });
  if (divergence.penalty !== undefined) each = add(each, mul(divergence.penalty, beta));
  let perToken = keep(each, mask);
  let loss = aggregate(perToken, mask);
  const policy =
    loss.shape.length === 1
      ? { metrics: { policy_loss: loss }, metricRules: {} }
      : tokenMeans({ policy_loss: perToken }, mask);
  let tokenTerm: LossResult["tokenTerm"];
  if (entropyCoef > 0) {
    const bonus = mul(keep(entropiesOf(where, inputs, "entropyCoef > 0"), mask), -entropyCoef);
    if (loss.shape.length === 1) tokenTerm = { loss: bonus, mask };
    else loss = perToken = add(perToken, bonus);
  }
  const coefficient: Metrics = {
    metrics: entropyCoef > 0 ? { entropy_coef: expand(constant(entropyCoef), [mask.shape[0]!]) } : {},
    metricRules: {},
  };
  return {
    loss,
    ...(tokenTerm && { tokenTerm }),
    ...mergeMetrics(policy, divergence, driftMetrics(inputs, state), coefficient, surrogate),
  };
}

export const entropiesOf = (where: string, inputs: PolicyInputs, when: string): Tensor =>
  needed(where, inputs, { name: "entropies", why: ` where ${when}` });

interface KlParts {
  options: AnyPolicyOptions;
  state: PolicyState;
}

/** The penalty, and as metrics the estimate and its diagnostics. */
export function klTerm(
  where: string,
  inputs: PolicyInputs,
  { options, state: { mask, logps, ratio } }: KlParts,
): Metrics & { penalty?: Tensor } {
  if (options.beta > 0) needed(where, inputs, { name: "refLogps", why: " where beta > 0" });
  if (inputs.refLogps === undefined) return { metrics: {}, metricRules: {} };
  const ref = keep(inputs.refLogps, mask);
  const plain = klEstimate(logps, ref, options.klEstimator);
  const kl = options.biasCorrectedKl === true ? mul(plain, ratio) : plain;
  return {
    ...(options.beta > 0 && { penalty: kl }),
    ...tokenMeans({ kl, ...klDiagnostics(logps, ref) }, mask),
  };
}

/** How far the policy has moved from the one that sampled, and its entropy where that is given. */
function driftMetrics(inputs: PolicyInputs, { mask, logRatio }: PolicyState): Metrics {
  return tokenMeans(
    {
      "policy/approxkl_avg": mul(square(logRatio), 0.5),
      "val/ratio": exp(logRatio),
      ...(inputs.entropies && { entropy: inputs.entropies }),
    },
    mask,
  );
}
