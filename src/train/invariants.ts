/** What must be true before the first update: statements of the method about its first batch, checked and printed. */
import { AttuneError } from "../errors.js";
import { nearestName } from "../util/nearest-name.js";
import { diagnose } from "./diagnose.js";
import { metricValues } from "./metrics.js";
import type { StepPrograms } from "./step-programs.js";
import type { StartInvariant, Trainer } from "./trainer.js";

/** One line of the table that is printed at the start. */
export interface StartCheck {
  name: string;
  expected: string;
  got: string;
  holds: boolean;
}

/** Runs the first batch without gradients and holds the method's statements against its metrics. Throws `invariant`. */
export async function checkStart<B>(trainer: Trainer<B>, programs: StepPrograms<B>): Promise<StartCheck[]> {
  const batch = await trainer.train.load({ epoch: 0, index: 0 });
  const counts = trainer.counts(batch);
  if (counts.tokens === 0) {
    throw new AttuneError("invariant", {
      where: "step 0",
      expected: "trainable tokens in the first batch",
      got: "none",
      fix: "check prompts, truncation and masks with `attune inspect`",
    });
  }
  const outcome = await programs.evaluate({ batch, totals: counts, detail: false });
  if (!Number.isFinite(outcome.loss)) {
    throw new AttuneError("numeric", {
      where: `step 0, rows ${trainer.ids(batch).slice(0, 8).join(", ")}`,
      expected: "a finite loss",
      got: `${outcome.loss}; ${await diagnose(trainer, batch, programs)}`,
      fix: "the model as it is gives no finite loss on these rows: look at its weights and at the rows",
    });
  }
  const metrics: Record<string, number> = { loss: outcome.loss, ...metricValues(outcome.metrics) };
  const checks = (trainer.invariants ?? []).flatMap((rule) => checkOne(rule, { batch, metrics }) ?? []);
  // Those of chosen answers only, where a loss per token is worked on them alone.
  checks.push({
    name: "tokens averaged over",
    expected: "more than none",
    got: `${counts.tokens} of ${counts.inputTokens}`,
    holds: true,
  });
  if (!checks.some(({ name }) => name === "loss"))
    checks.push({ name: "loss", expected: "finite", got: outcome.loss.toPrecision(6), holds: true });
  const broken = checks.find((c) => !c.holds);
  if (broken) {
    const fix =
      trainer.invariants?.find((rule) => rule.name === broken.name)?.fix ??
      "look at the data and the model with `attune inspect`";
    throw new AttuneError("invariant", {
      where: `step 0: ${broken.name}`,
      expected: broken.expected,
      got: broken.got,
      fix,
    });
  }
  return checks;
}

/**
 * That evaluations will have the metric which chooses the best checkpoint: found now, not after an epoch. Throws `config`.
 */
export async function checkMetric<B>(
  trainer: Trainer<B>,
  programs: StepPrograms<B>,
  metric: string,
): Promise<void> {
  // Every evaluation has a loss, so nothing is compiled for it.
  if (trainer.evaluation === undefined || metric === "eval_loss") return;
  const batch = await trainer.evaluation.load({ epoch: 0, index: 0 });
  const { metrics } = await programs.evaluate({ batch, totals: trainer.counts(batch), detail: true });
  const names = ["loss", ...Object.keys(metrics.batches[0]!), ...Object.keys(metrics.differences)];
  const known = [...new Set(names)].map((name) => `eval_${name}`);
  if (known.includes(metric)) return;
  const near = nearestName(metric, known);
  throw new AttuneError("config", {
    where: "metric for the best checkpoint",
    expected: `one of ${known.join(", ")}`,
    got: metric,
    ...(near !== undefined && { fix: `did you mean ${near}?` }),
  });
}

/** Undefined where the rule says nothing of this batch. */
function checkOne<B>(
  { name, metric, expected, formula, tolerance }: StartInvariant<B>,
  { batch, metrics }: { batch: B; metrics: Readonly<Record<string, number>> },
): StartCheck | undefined {
  const value = typeof expected === "number" ? expected : expected.of(batch, metrics);
  if (value === undefined) return undefined;
  const got = metrics[metric];
  const holds = got !== undefined && Math.abs(got - value) <= tolerance;
  return {
    name,
    expected: [metric, ...(formula === undefined ? [] : [formula]), Number(value.toPrecision(6))].join(" = "),
    got: got === undefined ? "no such metric" : got.toPrecision(6),
    holds,
  };
}
