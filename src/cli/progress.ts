/** Progress on stderr: a bar that is rewritten on a terminal, plain lines elsewhere. Knows steps and tokens only. */
import type { Io } from "./io.js";
import { count, duration, short } from "./show.js";

export interface ProgressStep {
  step: number;
  totalSteps: number;
  seconds: number;
  tokens: number;
  metrics: Readonly<Record<string, number>>;
}

export interface Progress {
  step(at: ProgressStep): void;
  /** A line of its own, above the bar. */
  line(text: string): void;
  /** Averages, for places without a bar. */
  log(metrics: Readonly<Record<string, number>>): void;
  done(): void;
}

const shownMetrics = [
  "loss",
  "reward",
  "objective/kl",
  "accuracy",
  "rewards/accuracies",
  "rewards/margins",
  "margin",
  "mean_token_accuracy",
  "kl",
] as const;

function metricsText(metrics: Readonly<Record<string, number>>): string {
  const shown = shownMetrics
    .filter((name) => metrics[name] !== undefined && !(name === "kl" && "objective/kl" in metrics))
    .slice(0, 5);
  return shown.map((name) => `${name} ${short(metrics[name]!)}`).join("  ");
}

/** Speed is that of the last steps, so that compiling the first graphs does not spoil the estimate. */
const windowSteps = 30;

export function createProgress(io: Io): Progress {
  const recent: { seconds: number; tokens: number }[] = [];
  let last: ProgressStep | undefined;
  let drawn = false;
  const clear = (): void => {
    if (drawn) io.err("\r\u001b[K");
    drawn = false;
  };
  const pace = (): string => {
    const seconds = recent.reduce((n, each) => n + each.seconds, 0);
    const tokens = recent.reduce((n, each) => n + each.tokens, 0);
    const left = (seconds / recent.length) * (last!.totalSteps - last!.step);
    return `${count(tokens / seconds)} tokens/s  ${duration(left)} left`;
  };
  const draw = (): void => {
    if (!io.errIsTerminal || last === undefined) return;
    const { step, totalSteps, metrics } = last;
    const filled = Math.round((20 * step) / totalSteps);
    const bar = `${"█".repeat(filled)}${"░".repeat(20 - filled)}`;
    // Metrics last: what does not fit the terminal is cut off.
    const text = `${bar} ${step}/${totalSteps}  ${pace()}  ${metricsText(metrics)}`;
    io.err(`\r\u001b[K${text.slice(0, io.columns - 1)}`);
    drawn = true;
  };
  return {
    step(at) {
      last = at;
      recent.push({ seconds: at.seconds, tokens: at.tokens });
      if (recent.length > windowSteps) recent.shift();
      draw();
    },
    line(text) {
      clear();
      io.err(`${text}\n`);
      draw();
    },
    log(metrics) {
      if (!io.errIsTerminal && last !== undefined)
        io.err(`step ${last.step}/${last.totalSteps}  ${metricsText(metrics)}  ${pace()}\n`);
    },
    done: clear,
  };
}
