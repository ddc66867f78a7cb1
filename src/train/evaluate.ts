/** Loss and metrics on held-out batches, without gradients; metrics are averaged over all real rows and tokens. */
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
  const counts: { rows: number; tokens: number; loss: number }[] = [];
  for (let index = 0; index < source.count(0); index++) {
    const batch = await source.load({ epoch: 0, index });
    const own = trainer.counts(batch);
    const outcome = await programs.evaluate({ batch, totals: own, detail: true });
    addSums(sums, outcome.metrics);
    counts.push({ ...own, loss: outcome.loss });
  }
  const rows = counts.reduce((n, c) => n + c.rows, 0);
  const loss = counts.reduce((total, c) => total + c.loss * c.rows, 0) / rows;
  const named = Object.entries({ loss, ...metricValues(sums) }).map(([name, x]) => [`eval_${name}`, x] as const);
  const seconds = (performance.now() - began) / 1000;
  return { metrics: { ...Object.fromEntries(named), eval_runtime: seconds }, rows, seconds };
}
