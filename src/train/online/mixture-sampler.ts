/**
 * Answers of the geometric mixture of policy and reference, against which Nash-MD plays: both models' logits, mixed token by
 * token. Knows no reward.
 *
 * There are no caches: every token reads its row again in both models, which for short answers costs less than a second pair
 * of caches would in code. Answers of n tokens cost about n/2 times those of the policy alone.
 */
import { AttuneError } from "../../errors.js";
import { drawToken } from "../../generate/index.js";
import { geometricMixture } from "../../losses/index.js";
import { wholeLogits } from "../../models/index.js";
import { type Backend, exp, gather, mul, type Resident, sum } from "../../tensor/index.js";
import { createRandom } from "../../util/random.js";
import { fixedSource } from "../example-source.js";
import { batchInputs, feedsOf, hiddenOf, shapeOf } from "../methods/batch-graph.js";
import type { BoundModel, Policy } from "../policy.js";
import { StepPrograms } from "../step-programs.js";
import type { Trainer } from "../trainer.js";
import { layoutItems, type OnlineBatch } from "./item.js";
import type { OpenSampler } from "./sampler.js";

export interface MixtureOptions {
  readonly backend: Backend;
  readonly policy: Policy;
  readonly parameters: Readonly<Record<string, Resident>>;
  readonly stopTokens: readonly number[];
  /** 0: the policy; 1: the reference. */
  readonly mixtureCoef: number;
  readonly temperature: number;
  readonly maxNewTokens: number;
  readonly maxPrompt: number;
  /** Rows of one run. */
  readonly rows: number;
}

interface Row {
  readonly prompt: readonly number[];
  readonly tokens: number[];
  readonly uniform: () => number;
  ended: boolean;
}

export function openMixtureSampler(o: MixtureOptions): OpenSampler {
  const programs = new StepPrograms(mixtureTrainer(o), o.backend, o.parameters, {}, { recompute: "none" });
  const sizes = { maxPrompt: o.maxPrompt, maxCompletion: o.maxNewTokens + 1 };
  const oneMore = async (rows: readonly Row[]): Promise<void> => {
    const batch = layoutItems(
      // The prompt's last token counts as said, so that the first new one follows something.
      rows.map(({ prompt, tokens }, i) => ({
        id: String(i),
        prompt: prompt.slice(0, -1),
        completions: [[prompt.at(-1)!, ...tokens]],
      })),
      sizes,
    );
    const { values } = await programs.evaluate({ batch, totals: { rows: 1, tokens: 1 }, detail: false });
    const { shape, data } = values["probabilities"]!;
    const vocabulary = shape[1]!;
    rows.forEach((row, i) => {
      if (row.ended || row.tokens.length === o.maxNewTokens) return;
      const own = Float32Array.from(data.subarray(i * vocabulary, (i + 1) * vocabulary));
      const { token } = drawToken(own, row.uniform(), { topK: 0, topP: 1, minP: 0 });
      row.tokens.push(token);
      row.ended = o.stopTokens.includes(token);
    });
  };
  return {
    sample: async ({ prompts, samples, seed, signal }) => {
      const all = prompts.flatMap(({ id, tokens }) =>
        Array.from({ length: samples }, (_, sample): Row => {
          const random = createRandom(seed, { stream: `mixture/${id}/${sample}` });
          return { prompt: tokens, tokens: [], uniform: () => random.uniform(), ended: false };
        }),
      );
      for (let at = 0; at < all.length; at += o.rows) {
        const rows = all.slice(at, at + o.rows);
        while (rows.some(({ ended, tokens }) => !ended && tokens.length < o.maxNewTokens)) {
          if (signal?.aborted) throw interrupted();
          await oneMore(rows);
        }
      }
      return all.map(({ tokens, ended }) => ({ tokens, logProbs: [], ended }));
    },
    close: () => programs.release(),
  };
}

const interrupted = (): AttuneError =>
  new AttuneError("interrupted", { where: "mixture", expected: "to finish", got: "an abort signal" });

function mixtureTrainer({ policy, mixtureCoef, temperature }: MixtureOptions): Trainer<OnlineBatch> {
  return {
    name: "mixture",
    policy,
    train: fixedSource([]),
    shape: shapeOf,
    feeds: (batch) => feedsOf(batch),
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy: bound, reference }) {
      const b = batchInputs(batch);
      const logits = (of: BoundModel) =>
        mul(wholeLogits(of.model, gather(hiddenOf(of, b, "none"), b.ends)), 1 / temperature);
      const mixture = geometricMixture(logits(bound), logits(reference()), { mixtureCoef });
      return {
        result: { loss: b.gridMask, metrics: {} },
        inputs: b.inputs,
        rowMask: sum(b.gridMask, { axes: [1] }),
        values: { probabilities: exp(mixture) },
      };
    },
  };
}
