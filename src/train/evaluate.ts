/**
 * Loss and metrics on held-out batches, without gradients. Both are averaged over all real rows and tokens, as if the set
 * were one batch: how it is cut into batches does not change them.
 */
import { addSums, emptySums, metricValues } from "./metrics.js";
import type { StepPrograms } from "./step-programs.js";
import type { Trainer } from "./trainer.js";

export interface EvaluationReport {
  /** Under TRL's names with `eval_` before them. */
  metrics: Record<string, number>;
  /** Examples evaluated. */
  rows: number;
  seconds: number;
}

export async function evaluate<B>(trainer: Trainer<B>, programs: StepPrograms<B>): Promise<EvaluationReport> {
  const began = performance.now();
  const source = trainer.evaluation!;
  const sums = emptySums();
  const totals = { rows: 0, tokens: 0 };
  const count = source.count(0);
  for (let index = 0; index < count; index++) {
    const own = trainer.counts(await source.load({ epoch: 0, index }));
    totals.rows += own.rows;
    totals.tokens += own.tokens;
  }
  let loss = 0;
  for (let index = 0; index < count; index++) {
    const batch = await source.load({ epoch: 0, index });
    const outcome = await programs.evaluate({ batch, totals, detail: true });
    addSums(sums, outcome.metrics);
    loss += outcome.loss;
  }
  const named = Object.entries({ loss, ...metricValues(sums) }).map(
    ([name, x]) => [`eval_${name}`, x] as const,
  );
  const seconds = (performance.now() - began) / 1000;
  return { metrics: { ...Object.fromEntries(named), eval_runtime: seconds }, rows: totals.rows, seconds };
}
