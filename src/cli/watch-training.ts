/** A run's events as text: what was read, the checks, the bar, the result. Knows no method. */
import { wilsonInterval } from "../stats/index.js";
import type {
  Accuracy,
  DataSummary,
  MemoryReport,
  TrainingEvent,
  TrainingResult,
} from "../train/job/index.js";
import type { Io } from "./io.js";
import { createProgress } from "./progress.js";
import { rolloutClock, rolloutLine } from "./show-rollout.js";
import { count, counted, megabytes, percent, short, table } from "./show.js";

export interface TrainingWatcher {
  onEvent: (event: TrainingEvent) => void;
  done: () => void;
}

export function watchTraining(io: Io): TrainingWatcher {
  const progress = createProgress(io);
  const clock = rolloutClock();
  let shown = -Infinity;
  /** Small models make several rollouts a second, which nobody can read. */
  const rolloutDue = (): boolean => {
    const now = performance.now();
    if (now - shown < 2000) return false;
    shown = now;
    return true;
  };
  const onEvent = (event: TrainingEvent): void => {
    switch (event.kind) {
      case "model":
        progress.line(
          `model ${event.path}: ${event.family}, ${count(event.parameters)} parameters, ${count(event.trainable)} trained (${event.mode}: ${event.reason})`,
        );
        break;
      case "data":
        progress.line(dataLines(event.summary).join("\n"));
        break;
      case "rows":
        progress.line(
          `rows: ${count(event.train)} to train on${event.evaluation > 0 ? `, ${count(event.evaluation)} held out` : ""}`,
        );
        break;
      case "start":
        progress.line(
          `loss ${event.lossType}, reference ${event.reference}; output ${event.output}${event.resumedStep > 0 ? `; going on after step ${event.resumedStep}` : ""}`,
        );
        break;
      case "memory":
        progress.line(
          `memory: ${megabytes(event.memory.total)} estimated for batches of up to ${event.memory.batch.rows} x ${event.memory.batch.length} tokens, ${megabytes(event.memory.available)} free`,
        );
        break;
      case "note":
        progress.line(event.text);
        break;
      case "checks":
        progress.line(
          `${event.title}\n${table(event.checks.map((c) => [c.holds ? "ok" : "?", c.name, c.expected, c.got]))}`,
        );
        break;
      case "rollout":
        if (rolloutDue()) progress.line(rolloutLine(event.report));
        break;
      case "step":
        clock.add(event.report.metrics);
        progress.step(event.report);
        break;
      case "log":
        progress.log(event.line);
        break;
      case "evaluation":
        progress.line(
          `evaluation at step ${event.step}: loss ${short(event.metrics["eval_loss"]!)}${event.accuracy ? `, ${accuracyText(event.accuracy)}` : ""}`,
        );
        break;
      case "checkpoint":
        break;
    }
  };
  let told = false;
  const done = (): void => {
    progress.done();
    const split = told ? undefined : clock.line();
    told = true;
    if (split !== undefined) progress.line(split);
  };
  return { onEvent, done };
}

export function dataLines({
  source,
  files,
  conversions,
  rows,
  tokenised,
  truncation,
  audit,
  duplicates,
  notes,
}: DataSummary): string[] {
  const formats = [...new Set(files.map((file) => file.title))].join("; ");
  const lines = [`data ${source}: ${formats}; ${conversions.join("; ")}`];
  lines.push(
    `  ${counted(rows.rows, "row")}, ${counted(tokenised.records, "record")}, ${count(audit.tokens)} tokens, ${percent(audit.trainedShare)} of them trained`,
  );
  const unused = { ...rows.reasons, ...tokenised.reasons };
  if (rows.bad + tokenised.bad > 0)
    lines.push(
      `  ${count(rows.bad + tokenised.bad)} bad rows set aside in the quarantine file: ${mostOf(unused)}`,
    );
  if (rows.setAside > 0)
    lines.push(`  ${count(rows.setAside)} without a record: ${mostOf(rows.setAsideReasons)}`);
  if (duplicates.duplicates > 0) lines.push(`  ${count(duplicates.duplicates)} repeat an earlier row`);
  if (duplicates.swapped > 0) lines.push(`  ${count(duplicates.swapped)} contradict an earlier pair`);
  const dropped = Object.values(truncation.dropped).reduce((a, b) => a + b, 0);
  if (truncation.tooLong > 0) {
    const [chosen = 0, rejected] = truncation.cutCompletions;
    const sides =
      rejected === undefined
        ? `${count(chosen)} answers`
        : `${count(chosen)} chosen and ${count(rejected)} rejected answers`;
    lines.push(
      `  too long: ${count(truncation.tooLong)}; left out ${count(dropped)}, cut ${count(truncation.cutPrompts)} prompts and ${sides}, ${count(truncation.tokensCut)} tokens lost`,
    );
  }
  lines.push(...notes.map((note) => `  note: ${note}`));
  return lines;
}

function mostOf(reasons: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(reasons).sort((a, b) => b[1] - a[1]);
  return sorted
    .slice(0, 3)
    .map(([reason, n]) => `${count(n)} x ${reason}`)
    .join("; ");
}

/** `accuracy 62.1% (95% interval 57.4-66.5%, 412 rows)`. */
export function accuracyText({ correct, rows }: Accuracy): string {
  const { low, high } = wilsonInterval(correct, rows);
  return `accuracy ${percent(correct / rows)} (95% interval ${(100 * low).toFixed(1)}-${percent(high)}, ${counted(rows, "row")})`;
}

const endings: Readonly<Record<Exclude<TrainingResult["finished"], "interrupted">, string>> = {
  done: "done",
  "early-stopping": "stopped early, no more gain",
  stopped: "stopped by the guard",
};

/** The answer of `attune train`. */
export function reportResult(result: TrainingResult, { io, json }: { io: Io; json: boolean }): void {
  const accuracy = result.evaluation?.accuracy;
  const interval = accuracy && wilsonInterval(accuracy.correct, accuracy.rows);
  if (json) {
    io.out(
      JSON.stringify({
        ...result,
        ...(accuracy && { accuracy: { ...accuracy, value: accuracy.correct / accuracy.rows, ...interval } }),
      }),
    );
    return;
  }
  if (result.finished === "interrupted") {
    io.out(`stopped after step ${result.steps}; saved ${result.checkpoint}\ngo on with: ${result.resume}`);
    return;
  }
  const how = endings[result.finished];
  const head =
    result.already === undefined
      ? `${how}: ${counted(result.steps, "step")}`
      : `nothing left to do, the run is finished: ${result.already}`;
  const kept =
    result.kept === undefined || result.kept === result.steps ? "" : ` (that of step ${result.kept})`;
  const lines = [`${head}; model in ${result.model}${kept}`];
  if (result.guard) lines.push(`guard: ${result.guard.words}`);
  if (result.evaluation) {
    const loss = `held out: loss ${short(result.evaluation.metrics["eval_loss"]!)}`;
    lines.push(accuracy ? `${loss}, ${accuracyText(accuracy)}` : loss);
  }
  if (result.resume)
    lines.push(
      `${result.finished === "stopped" ? "to go on all the same" : "with more patience"}: ${result.resume}`,
    );
  io.out(lines.join("\n"));
}

/** The table of `--memory`. */
export function memoryTable({ terms, total, available, fits, batch, remedies }: MemoryReport): string {
  const rows = [
    ...terms.map(({ name, bytes }) => [name, megabytes(bytes)]),
    ["total", megabytes(total)],
    ["free", megabytes(available)],
  ];
  const verdict = fits
    ? "fits"
    : `does not fit; instead:\n${remedies.map(({ flags }) => `  ${flags}`).join("\n")}`;
  return `largest batch: ${batch.rows} rows of ${count(batch.length)} tokens, ${count(batch.targets)} trained\n${table(rows, { right: [1] })}\n${verdict}`;
}
