/** Heads against PyTorch in float64: reward model, process rewards, value heads; where a reward is read, and their gradients. */
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import {
  headOutputs,
  type ModelFolder,
  openModelFolder,
  openSafetensors,
  readTensor64,
} from "../../src/models/index.js";
import { bindPolicy, type BoundModel, createPolicy } from "../../src/train/index.js";
import {
  type Backend,
  constant,
  gather,
  log,
  logSigmoid,
  mul,
  neg,
  reshape,
  softmax,
  square,
  sub,
  sum,
  take,
  type Tensor,
  type Tree,
} from "../../src/tensor/index.js";
import { golden, missing, readJson } from "../support/shared.js";
import {
  allClose,
  folderValues,
  type GradientNumbers,
  gradientHolds,
  pass,
  rowStarts,
  type Values,
} from "./model-run.js";

interface Case {
  name: string;
  inputs: {
    checkpoint: string;
    rows: number[][];
    labels: number[][];
    prompt_lengths: number[];
    returns: number[][];
    value_head: string;
    query_responses: number[][];
  };
  expected: {
    loss: number;
    rewards: number[];
    final_rewards: number[];
    per_token_scores: number[][];
    probability_of_label_1: number[][];
    values_of_response_tokens: number[][];
    rewards_at_last_attended_token: number[];
    index_transformers: number[];
    grad_of_reward_sum_embedding_pad_row_true: number[];
    gradients_of_loss: Record<string, GradientNumbers>;
  };
}

const file = golden("models", "heads.json");
const absent = missing(file);
const cases = new Map((absent ? [] : readJson<{ cases: Case[] }>(file).cases).map((c) => [c.name, c]));
const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

/** trl's own habits, which hide every pad id wherever it stands; here padding is known by length. */
const others = {
  trl_get_reward: "the same rewards as reward_at_last_real_token, read by trl's helper",
  trl_get_reward_pad_inside: "trl masks pad ids inside a row, so that its numbers are not the row's",
};

const ints = (values: readonly number[]): Tensor => constant(values, [values.length], "int32");
const column = (x: Tensor): Tensor => reshape(x, [-1]);
const lastOf = (rows: readonly (readonly number[])[]): number[] =>
  rowStarts(rows).map((start, r) => start + rows[r]!.length - 1);
const bind = (folder: ModelFolder) => {
  const policy = createPolicy({ model: folder, adapter: undefined });
  return (parameters: Tree): BoundModel => bindPolicy(policy, parameters);
};

describe.skipIf(absent !== undefined)(`heads as in golden/models${absent ? ` (${absent})` : ""}`, () => {
  it("every case is read here, or is trl's own habit", () => {
    const here = [
      "causal_lm_with_value_head",
      "pad_token_is_eos",
      "reward_at_last_real_token",
      "token_classification_process_reward",
      "value_model_score_head",
    ];
    expect([...cases.keys()].sort()).toEqual([...here, ...Object.keys(others)].sort());
  });

  for (const [kind, backend] of Object.entries(backends)) {
    const exact = kind === "reference";
    const close = exact ? 1e-10 : 3e-5;
    const gradients = (got: ReadonlyMap<string, ArrayLike<number>>, { expected }: Case): void => {
      for (const [name, want] of Object.entries(expected.gradients_of_loss)) {
        gradientHolds(got.get(name)!, want, { tolerance: exact ? 1e-9 : 1e-4, name });
      }
    };

    it(`a pair's rewards are read at the last real token, on ${kind}`, async () => {
      const c = cases.get("reward_at_last_real_token")!;
      const folder = openModelFolder(golden("models", c.inputs.checkpoint));
      const { rows } = c.inputs;
      const run = await pass(backend, {
        rows,
        trainable: folderValues(folder),
        bind: bind(folder),
        read: (states, { model }) => {
          const scores = column(headOutputs(model, states));
          const rewards = gather(scores, ints(lastOf(rows)));
          const side = (k: number): Tensor =>
            gather(rewards, ints(rows.flatMap((_, r) => (r % 2 === k ? [r] : []))));
          const loss = mul(neg(sum(logSigmoid(sub(side(0), side(1))))), 2 / rows.length);
          return { loss, outputs: { scores, rewards } };
        },
      });
      allClose(run.outputs["rewards"]!, c.expected.rewards, { tolerance: close, name: "rewards" });
      allClose(run.outputs["rewards"]!, cases.get("trl_get_reward")!.expected.final_rewards, {
        tolerance: close,
        name: "trl's rewards",
      });
      const perToken = c.expected.per_token_scores.flatMap((row, r) => row.slice(0, rows[r]!.length));
      allClose(run.outputs["scores"]!, perToken, { tolerance: close, name: "scores" });
      allClose([run.loss], [c.expected.loss], { tolerance: exact ? 1e-12 : 1e-5, name: "loss" });
      gradients(run.gradients, c);
    });

    it(`a row that ends in the pad id is read there all the same, and that id has its gradient, on ${kind}`, async () => {
      const c = cases.get("pad_token_is_eos")!;
      const folder = openModelFolder(golden("models", c.inputs.checkpoint));
      const { rows } = c.inputs;
      const embedding = "model.embed_tokens.weight";
      const run = await pass(backend, {
        rows,
        trainable: folderValues(folder, [embedding]),
        bind: bind(folder),
        read: (states, { model }) => {
          const scores = column(headOutputs(model, states));
          // The gradient on file is that of the places where transformers reads, one token early.
          const early = rowStarts(rows).map((start, r) => start + c.expected.index_transformers[r]!);
          return {
            loss: sum(gather(scores, ints(early))),
            outputs: { rewards: gather(scores, ints(lastOf(rows))) },
          };
        },
      });
      allClose(run.outputs["rewards"]!, c.expected.rewards_at_last_attended_token, {
        tolerance: close,
        name: "rewards",
      });
      const want = c.expected.grad_of_reward_sum_embedding_pad_row_true;
      const row = Array.from(run.gradients.get(embedding)!).slice(0, want.length);
      allClose(row, want, { tolerance: exact ? 1e-9 : 1e-4, name: "gradient of the pad id's embedding" });
    });

    it(`a step's score is read at its last token, without a shift, on ${kind}`, async () => {
      const c = cases.get("token_classification_process_reward")!;
      const folder = openModelFolder(golden("models", c.inputs.checkpoint));
      const { rows, labels } = c.inputs;
      const starts = rowStarts(rows);
      const marked = labels.flatMap((row, r) =>
        row
          .slice(0, rows[r]!.length)
          .flatMap((label, t) => (label === -100 ? [] : [{ at: starts[r]! + t, label }])),
      );
      const run = await pass(backend, {
        rows,
        trainable: folderValues(folder),
        bind: bind(folder),
        read: (states, { model }) => {
          const probabilities = softmax(gather(headOutputs(model, states), ints(marked.map(({ at }) => at))));
          const right = take(probabilities, ints(marked.map(({ label }) => label)));
          return {
            loss: mul(neg(sum(log(right))), 1 / marked.length),
            outputs: { good: take(probabilities, ints(marked.map(() => 1))) },
          };
        },
      });
      allClose(run.outputs["good"]!, c.expected.probability_of_label_1.flat(), {
        tolerance: close,
        name: "probabilities",
      });
      allClose([run.loss], [c.expected.loss], { tolerance: exact ? 1e-12 : 1e-5, name: "loss" });
      gradients(run.gradients, c);
    });

    const valueCase = async (
      backendOf: Backend,
      c: Case,
      o: { folder: ModelFolder; trainable: Values },
    ): Promise<void> => {
      const { rows, prompt_lengths, returns } = c.inputs;
      const starts = rowStarts(rows);
      const before = rows.flatMap((row, r) =>
        row.slice(prompt_lengths[r]).map((_, t) => starts[r]! + prompt_lengths[r]! + t - 1),
      );
      const run = await pass(backendOf, {
        rows,
        trainable: o.trainable,
        bind: bind(o.folder),
        read: (states, { model }) => {
          const values = gather(column(headOutputs(model, states)), ints(before));
          const loss = mul(
            sum(square(sub(values, constant(returns.flat(), [before.length])))),
            0.5 / before.length,
          );
          return { loss, outputs: { values } };
        },
      });
      allClose(run.outputs["values"]!, c.expected.values_of_response_tokens.flat(), {
        tolerance: close,
        name: "values",
      });
      allClose([run.loss], [c.expected.loss], { tolerance: exact ? 1e-12 : 1e-5, name: "loss" });
      gradients(run.gradients, c);
    };

    it(`a classification model is a value model, on ${kind}`, async () => {
      const c = cases.get("value_model_score_head")!;
      const folder = openModelFolder(golden("models", c.inputs.checkpoint));
      await valueCase(backend, c, { folder, trainable: folderValues(folder) });
    });

    it(`a value head of trl's beside a language model, on ${kind}`, async () => {
      const c = cases.get("causal_lm_with_value_head")!;
      const folder = openModelFolder(golden("models", c.inputs.checkpoint), { head: "value" });
      const head = [...openSafetensors(golden("models", c.inputs.value_head)).tensors];
      const values = head.map(
        ([name, entry]) =>
          [
            name.replace(/^(v_head\.summary\.)?/, "v_head.summary."),
            { shape: entry.shape, data: readTensor64(entry) },
          ] as const,
      );
      // The language model's own output layer takes no part.
      const names = [...folder.tensors.keys()].filter((name) => name !== "lm_head.weight");
      await valueCase(backend, c, {
        folder,
        trainable: new Map([...folderValues(folder, names), ...values]),
      });
    });
  }
});
