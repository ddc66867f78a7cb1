/**
 * Numbers of the whole vocabulary at every target: the normaliser, the mean log-probability, the sum of squares, the
 * divergence between two models. [targets, vocabulary] never exists: what can be had from the label's own logit is, the rest
 * is worked a chunk of rows at a time and made again in the backward pass. Knows no loss.
 */
import {
  add,
  block,
  concat,
  exp,
  gather,
  headChunk,
  log,
  logSoftmax,
  matmul,
  max,
  mean,
  mul,
  reshape,
  slice,
  square,
  stopGradient,
  sub,
  sum,
  tanh,
  type Tensor,
} from "../../tensor/index.js";
import type { ModelGraph } from "./decoder.js";
import { outputWeight, type TargetInputs } from "./heads.js";

function capped({ config }: ModelGraph, logits: Tensor): Tensor {
  const cap = config.logitSoftcap;
  return cap === null ? logits : mul(tanh(mul(logits, 1 / cap)), cap);
}

/**
 * log sum exp(logits) [targets], from the label's logit and its log-probability.
 * @param o.logps [targets], of `targetLogProbs`
 */
export function targetLogSumExp(
  model: ModelGraph,
  hidden: Tensor,
  o: TargetInputs & { logps: Tensor },
): Tensor {
  const rows = gather(outputWeight(model), o.labels); // [targets, hidden]
  const logit = capped(model, sum(mul(gather(hidden, o.sources), rows), { axes: [1] }));
  return sub(logit, o.logps);
}

/** Mean over the vocabulary of log p [targets]; logSumExp: of `targetLogSumExp`. */
export function targetMeanLogProbs(
  model: ModelGraph,
  hidden: Tensor,
  o: TargetInputs & { logSumExp: Tensor },
): Tensor {
  const states = gather(hidden, o.sources);
  if (model.config.logitSoftcap !== null)
    return sub(
      perChunk(model, states, (logits) => mean(logits, { axes: [1] })),
      o.logSumExp,
    );
  // The mean logit is the state times the mean row.
  const row = mean(outputWeight(model), { axes: [0] });
  return sub(sum(mul(states, reshape(row, [1, -1])), { axes: [1] }), o.logSumExp);
}

/** log of the sum over the vocabulary of p^2 [targets]; no gradient. */
export function targetLogSumSquares(model: ModelGraph, hidden: Tensor, { sources }: TargetInputs): Tensor {
  const states = stopGradient(gather(hidden, sources));
  const body = (logits: Tensor): Tensor => {
    const logps = logSoftmax(logits);
    const largest = max(logps, { axes: [1], keep: true });
    const squares = sum(square(exp(sub(logps, largest))), { axes: [1] });
    return add(log(squares), mul(reshape(largest, [-1]), 2));
  };
  return stopGradient(perChunk(model, states, body));
}

/** KL(reference || policy) of the next token [targets], with gradient for the policy. */
export function targetKl(
  policy: { model: ModelGraph; hidden: Tensor },
  reference: { model: ModelGraph; hidden: Tensor },
  { sources }: Pick<TargetInputs, "sources">,
): Tensor {
  const fixed = stopGradient(gather(reference.hidden, sources));
  const weight = outputWeight(reference.model);
  return perChunk(policy.model, gather(policy.hidden, sources), (logits, range) => {
    const own = logSoftmax(logits);
    const theirs = logSoftmax(
      capped(reference.model, matmul(slice(fixed, 0, range), weight, { transB: true })),
    );
    return sum(mul(exp(theirs), sub(theirs, own)), { axes: [1] });
  });
}

/** Entropy of the next token [targets], in nats, with gradient; `scale` multiplies logits (1 / temperature). */
export function targetEntropies(
  model: ModelGraph,
  hidden: Tensor,
  { sources, scale = 1 }: Pick<TargetInputs, "sources"> & { scale?: number },
): Tensor {
  return perChunk(model, gather(hidden, sources), (logits) => {
    const logps = logSoftmax(scale === 1 ? logits : mul(logits, scale));
    return mul(sum(mul(exp(logps), logps), { axes: [1] }), -1);
  });
}

type ChunkBody = (logits: Tensor, range: { start: number; end: number }) => Tensor;

/** body(logits [rows, vocabulary]) -> [rows], over all rows of `states` [n, hidden]. */
function perChunk(model: ModelGraph, states: Tensor, body: ChunkBody): Tensor {
  const weight = outputWeight(model);
  const frozen = weight.node.op === "weight";
  const total = states.shape[0]!;
  const size = headChunk(weight.shape[0]!);
  const parts: Tensor[] = [];
  for (let start = 0; start < total; start += size) {
    const range = { start, end: Math.min(total, start + size) };
    const run = ([rows, own = weight]: readonly Tensor[]): Tensor[] => [
      body(capped(model, matmul(rows!, own, { transB: true })), range),
    ];
    const rows = slice(states, 0, range);
    parts.push(block(frozen ? [rows] : [rows, weight], run, { recompute: true })[0]!);
  }
  return concat(parts, 0);
}
