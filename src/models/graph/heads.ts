/** What is read from hidden states: log-probabilities of labels, rewards, per-token scores, values, whole logits. */
import {
  add,
  gather,
  type HeadOptions,
  logProbs,
  matmul,
  mul,
  tanh,
  type Tensor,
  vocabularyStats,
} from "../../tensor/index.js";
import { headModule } from "../parameters.js";
import { embeddingName, type ModelGraph } from "./decoder.js";
import { parameter } from "./weights.js";

/** The output layer's matrix [vocabulary, hidden]: its own, or the embedding. */
export function outputWeight({ config, weights }: ModelGraph): Tensor {
  return parameter(weights, config.tiedEmbeddings ? embeddingName(config) : "lm_head.weight");
}

export interface TargetInputs {
  /** Flat index of the hidden state that predicts each label, int32 [targets]. */
  sources: Tensor;
  labels: Tensor; // int32 [targets]
}

const headOptions = ({ config }: ModelGraph, options: HeadOptions): HeadOptions => ({
  softcap: config.logitSoftcap ?? 0,
  ...options,
});

/** log p(label) [targets] from hidden states [n, hidden]; logits exist for targets only, a chunk at a time. */
export function targetLogProbs(
  model: ModelGraph,
  hidden: Tensor,
  o: TargetInputs & { head?: HeadOptions },
): Tensor {
  const states = gather(hidden, o.sources);
  return logProbs(
    states,
    { weight: outputWeight(model), labels: o.labels },
    headOptions(model, o.head ?? {}),
  );
}

/** Entropy, hits and mean logits at the targets, for metrics; no gradient. */
export function targetStats(model: ModelGraph, hidden: Tensor, o: TargetInputs & { head?: HeadOptions }) {
  const states = gather(hidden, o.sources);
  return vocabularyStats(
    states,
    { weight: outputWeight(model), labels: o.labels },
    headOptions(model, o.head ?? {}),
  );
}

/** Logits of given rows of hidden states, [rows, vocabulary]: for generation and tests, never for training. */
export function wholeLogits(model: ModelGraph, states: Tensor): Tensor {
  const logits = matmul(states, outputWeight(model), { transB: true });
  const cap = model.config.logitSoftcap;
  return cap === null ? logits : mul(tanh(mul(logits, 1 / cap)), cap);
}

/** The model's own head (reward, step reward, value) on rows of hidden states: [rows, labels]. */
export function headOutputs(model: ModelGraph, states: Tensor): Tensor {
  const module = headModule(model.config)!;
  const out = matmul(states, parameter(model.weights, `${module}.weight`), { transB: true });
  return model.config.head.bias ? add(out, parameter(model.weights, `${module}.bias`)) : out;
}
