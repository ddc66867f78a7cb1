/** Log-probabilities of given answers under the policy as it stands and under the reference, and the critic's values. */
import { type Backend, type HostTensor, mul, type Resident, sum, type Tensor } from "../../tensor/index.js";
import { batchInputs, completionLogps, feedsOf, hiddenOf, shapeOf } from "../methods/batch-graph.js";
import { fixedSource } from "../example-source.js";
import type { Policy } from "../policy.js";
import { StepPrograms } from "../step-programs.js";
import type { Trainer } from "../trainer.js";
import { type Critic, criticValues } from "./critic.js";
import { fillRows, rowSize } from "./answer-rows.js";
import { layoutItems, type OnlineBatch, type OnlineItem } from "./item.js";

export interface Scored {
  /** One row a completion, of its length; empty without the policy. */
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
  /** Under the policy too, and not under the reference alone. Default true. */
  readonly withPolicy?: boolean;
  readonly maxPrompt: number;
  readonly minPrompt?: number;
  readonly maxCompletion: number;
  /** Items of a micro-batch, as the settings have it. */
  readonly size: number;
}

export interface Scorer {
  /** One entry a completion, in the order of the items. */
  score(items: readonly OnlineItem[]): Promise<Scored[]>;
  close(): Promise<void>;
}

export function openScorer(o: ScorerOptions): Scorer {
  const programs = new StepPrograms(scoringTrainer(o), o.backend, o.parameters, {}, { recompute: "none" });
  return {
    async score(items) {
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
    close: () => programs.release(),
  };
}

function scoringTrainer({
  policy,
  critic,
  temperature,
  withPolicy = true,
}: ScorerOptions): Trainer<OnlineBatch> {
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
      const other = reference();
      const refLogps = completionLogps(other, b, { hidden: hiddenOf(other, b, "none"), temperature });
      const own: Record<string, Tensor> = {};
      if (withPolicy) {
        const hidden = hiddenOf(bound, b, "none");
        own["logps"] = completionLogps(bound, b, { hidden, temperature });
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
