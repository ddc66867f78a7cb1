// Attune's side: short training runs on made-up rows, and the numbers of a policy. Knows no peer. Compiled package only.
import { ortBackend } from "../../dist/backends/index.js";
import {
  headOutputs,
  hiddenStates,
  openModel,
  parameterInputs,
  readTensor,
  tokenInputs,
  wholeLogits,
} from "../../dist/models/index.js";
import { gather, input } from "../../dist/tensor/index.js";
import {
  bindPolicy,
  bindReference,
  createPolicy,
  exampleSource,
  fitToEnd,
  reward,
  sft,
} from "../../dist/train/index.js";

export const backend = ortBackend({ threads: 1 });

/** Seeded ids, none of them special (0, 1, 2): the peer's reward head takes the last token that is not padding. */
function tokens(count, { seed, vocabulary }) {
  let state = seed * 7919 + 13;
  return Array.from({ length: count }, () => 3 + ((state = (state * 48271) % 2147483647) % (vocabulary - 3)));
}

/** Rows of one length that both sides run: longer than any window of the small models. */
export const rowsFor = (vocabulary) => [1, 2].map((seed) => tokens(11, { seed, vocabulary }));

function examples({ vocabulary, completions }) {
  return [3, 4, 5, 6].map((seed) => ({
    id: `row ${seed}`,
    prompt: tokens(4, { seed, vocabulary }),
    completions: Array.from({ length: completions }, (_, k) => ({
      tokens: tokens(5 + k, { seed: seed + 100 * (k + 1), vocabulary }),
    })),
  }));
}

/**
 * Opens `folder`, trains a few steps and returns the policy with its trained values.
 *
 * @param {string} folder model or adapter
 * @param {object} [options]
 * @param {object} [options.lora] settings of a new adapter; default: none, an adapter that is there is trained on
 * @param {"sequence"} [options.head] a reward model
 */
export async function train(folder, { lora, head, steps = 3 } = {}) {
  const opened = await openModel(folder, head ? { head } : {});
  const policy = createPolicy(opened, lora ? { lora } : {});
  const { vocabSize } = opened.model.config;
  const isReward = opened.model.config.head.kind === "sequence";
  const source = exampleSource(examples({ vocabulary: vocabSize, completions: isReward ? 2 : 1 }), {
    plan: { perDeviceBatchSize: 4 },
  });
  const trainer = (isReward ? reward : sft)({ policy, train: source });
  // Adapters start at zero: a rate at which a few steps make them matter.
  const learningRate = policy.lora ? 3e-2 : 3e-3;
  const { parameters } = await fitToEnd(trainer, {
    backend,
    maxSteps: steps,
    learningRate,
    schedule: "constant",
    detailSteps: 0,
  });
  return { policy, values: parameters };
}

/**
 * Opens `folder` as it stands on the disk, the values read from its files. The peer computes in float32, where Gemma's
 * scale of the embeddings is not rounded to the type of the weights, as ours is when they are bfloat16.
 */
export async function reopen(folder) {
  const opened = createPolicy(await openModel(folder));
  const { config } = opened.folder;
  const embeddingScale = config.embeddingScale === 1 ? 1 : Math.sqrt(config.hiddenSize);
  const policy = { ...opened, folder: { ...opened.folder, config: { ...config, embeddingScale } } };
  const values = new Map(
    [...policy.trainable].map(([name, { start }]) => [
      name,
      typeof start === "function" ? start() : readTensor(start),
    ]),
  );
  return { policy, values };
}

/** Logits [rows, tokens, vocabulary], or scores [rows, labels] of a reward model; flat. */
export const numbersOf = ({ policy, values }, rows) => {
  const trainable = parameterInputs(
    Object.fromEntries([...values].map(([name]) => [name, policy.trainable.get(name).shape])),
  );
  const feeds = [...values].map(([name, data]) => [
    name,
    { shape: policy.trainable.get(name).shape, dtype: "float32", data },
  ]);
  return run(bindPolicy(policy, trainable), { rows, inputs: trainable, feeds: Object.fromEntries(feeds) });
};

/** The same with the adapter off. */
export const numbersWithout = ({ policy }, rows) =>
  run(bindReference(policy), { rows, inputs: {}, feeds: {} });

async function run({ model, adapters }, { rows, inputs, feeds }) {
  const length = rows[0].length;
  const tokens = tokenInputs(rows.length, length);
  const hidden = hiddenStates(model, tokens, { adapters, recompute: "none" });
  const isReward = model.config.head.kind === "sequence";
  const lasts = input("lasts", [rows.length], "int32");
  const numbers = isReward ? headOutputs(model, gather(hidden, lasts)) : wholeLogits(model, hidden);
  const program = await backend.compile({
    inputs: { ...tokens, ...(isReward && { lasts }), ...inputs },
    outputs: { numbers },
  });
  const ints = (shape, make) => ({
    shape,
    dtype: "int32",
    data: Int32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => make(i)),
  });
  const shape = [rows.length, length];
  try {
    const result = await program.run({
      inputIds: ints(shape, (i) => rows[Math.floor(i / length)][i % length]),
      positions: ints(shape, (i) => i % length),
      segments: ints(shape, () => 1),
      parents: ints(shape, () => 0),
      ...(isReward && { lasts: ints([rows.length], (i) => (i + 1) * length - 1) }),
      ...feeds,
    });
    return Array.from(result.numbers.data);
  } finally {
    await program.release();
  }
}
