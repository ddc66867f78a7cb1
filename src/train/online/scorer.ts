/** Log-probabilities of given answers under the policy as it stands and under the reference, and the critic's values. */
import { targetLogProbs } from "../../models/index.js";
import {
  type Backend,
  gather,
  type HostTensor,
  mul,
  type Resident,
  sum,
  type Tensor,
} from "../../tensor/index.js";
import { batchInputs, feedsOf, hiddenOf, shapeOf } from "../methods/batch-graph.js";
import { fixedSource } from "../example-source.js";
import type { BoundModel, Policy } from "../policy.js";
import { StepPrograms } from "../step-programs.js";
import type { Trainer } from "../trainer.js";
import { type Critic, criticValues } from "./critic.js";
import { fillRows, rowSize } from "./answer-rows.js";
import { layoutItems, type OnlineBatch, type OnlineItem } from "./item.js";

export interface Scored {
  /** One row a completion, of its length; empty where it was not asked for. */
  readonly logps: Float32Array;
  readonly refLogps: Float32Array;
  /** Empty without a critic. */
  readonly values: Float32Array;
  readonly lastValue: number;
}

export interface ScorerOptions {
  readonly backend: Backend;
  readonly policy: Policy;
  readonly critic: Critic | undefined;
  readonly parameters: Readonly<Record<string, Resident>>;
  readonly temperature: number;
  readonly maxPrompt: number;
  readonly minPrompt?: number;
  readonly maxCompletion: number;
  /** Items of a micro-batch, as the settings have it. */
  readonly size: number;
}

export interface Scorer {
  /** One entry a completion, in the order of the items. `policy: false`: under the reference alone. Default true. */
  score(items: readonly OnlineItem[], options?: { readonly policy?: boolean }): Promise<Scored[]>;
  close(): Promise<void>;
}

export function openScorer(o: ScorerOptions): Scorer {
  const open = (policy: boolean): StepPrograms<OnlineBatch> =>
    new StepPrograms(scoringTrainer(o, policy), o.backend, o.parameters, {}, { recompute: "none" });
  const both = open(true);
  const reference = open(false);
  return {
    async score(items, { policy = true } = {}) {
      const programs = policy ? both : reference;
      const results: Scored[] = [];
      const row = rowSize(items, o);
      let at = 0;
      for (const count of fillRows(items, row)) {
        const some = items.slice(at, (at += count));
        const batch = layoutItems(some, { ...o, row });
        const { values } = await programs.evaluate({ batch, totals: { rows: 1, tokens: 1 }, detail: false });
        some
          .flatMap(({ completions }) => completions)
          .forEach(({ length }, i) => {
            const row = (t: HostTensor | undefined): Float32Array =>
              t === undefined
                ? new Float32Array(0)
                : Float32Array.from(t.data.subarray(i * batch.width, i * batch.width + length));
            results.push({
              logps: row(values["logps"]),
              refLogps: row(values["refLogps"]),
              values: row(values["values"]),
              lastValue: values["last"]?.data[i] ?? 0,
            });
          });
      }
      return results;
    },
    close: async () => {
      await both.release();
      await reference.release();
    },
  };
}

function scoringTrainer(
  { policy, critic, temperature }: ScorerOptions,
  withPolicy: boolean,
): Trainer<OnlineBatch> {
  const head = { scale: 1 / temperature };
  return {
    name: "scores",
    policy,
    train: fixedSource([]),
    shape: shapeOf,
    feeds: (batch) => feedsOf(batch),
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy: bound, reference }) {
      const b = batchInputs(batch);
      const logpsOf = ({ model }: Pick<BoundModel, "model">, hidden: Tensor): Tensor =>
        gather(targetLogProbs(model, hidden, { ...b, head }), b.grid);
      const other = reference();
      const refLogps = logpsOf(other, hiddenOf(other, b, "none"));
      const own: Record<string, Tensor> = {};
      if (withPolicy) {
        const hidden = hiddenOf(bound, b, "none");
        own["logps"] = logpsOf(bound, hidden);
        const read = critic && criticValues(critic, { bound, b, hidden, recompute: "none" });
        if (read) Object.assign(own, { values: read.values, last: read.last });
      }
      const masked = mul(refLogps, b.gridMask);
      return {
        result: { loss: masked, metrics: {} },
        inputs: b.inputs,
        rowMask: sum(b.gridMask, { axes: [1] }),
        values: { ...own, refLogps },
      };
    },
  };
}
