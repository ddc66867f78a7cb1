/** The guard of `attune train` for methods that learn from their own answers: looks to words, the log and the page. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Guard, type Observation, openGuard, renderRunReport } from "../evaluate/index.js";
import type { GuardParts, RunGuard } from "../train/online/job/index.js";
import type { TrainingResult } from "../train/job/index.js";
import { writeFileAtomic } from "../util/files.js";
import { counted, percent, short } from "./show.js";

export interface WatchedRun {
  open(parts: GuardParts): RunGuard;
  /** Writes `report.html` for the last time. */
  finish(result: TrainingResult): Promise<string>;
}

/** `settings` are those of the run, for the page. */
export function watchedRun(settings: Readonly<Record<string, unknown>>): WatchedRun {
  let guard: Guard | undefined;
  const write = async (output: string, o: { status: string; kept?: number | undefined }): Promise<string> => {
    const path = join(output, "report.html");
    const page = renderRunReport({
      title: `attune train ${String(settings["method"])}: ${output}`,
      series: guard?.series ?? [],
      prompts: guard?.prompts ?? {},
      log: readLog(join(output, "log.jsonl")),
      facts: factsOf(settings),
      ...o,
    });
    await writeFileAtomic(path, page);
    return path;
  };
  return {
    open(parts) {
      const { heldOut, ensemble, members, stop, patience, models, timeoutSeconds, retries } = parts;
      const own = openGuard({
        ...(heldOut && { heldOut }),
        ...(ensemble.length > 0 && { ensemble }),
        ...(members.length > 0 && { members }),
        series: parts.logged as readonly Observation[],
        stop,
        ...(patience !== undefined && { judge: { patience } }),
        models,
        timeoutSeconds,
        retries,
        onLook: async ({ observation, verdict }) => {
          const { state, words, keep } = verdict;
          parts.write({ ...observation, verdict: { state, words, keep } });
          parts.say(`${lookLine(observation)}\n  ${words}${verdict.stop ? consequence(stop) : ""}`);
          await write(parts.output, {
            status: `Written after ${counted(observation.step, "update")}, while it ran`,
          });
        },
      });
      guard = own;
      return {
        look: own.look,
        // A run that is only warned keeps its last model, as does one with too few looks to choose by.
        kept: () => (stop && own.verdict?.state !== "early" ? own.kept() : Promise.resolve(undefined)),
        verdict: () => own.verdict,
      };
    },
    finish: (result) => write(result.output, { status: statusOf(result), kept: result.kept }),
  };
}

const consequence = (stop: boolean): string => (stop ? ": stopping" : " (--guard warn: going on)");

/** `look at step 40: proxy 1.2, held out 0.31, KL 4.1, 22 tokens, 3% cut off`. */
function lookLine({ step, measures: m }: Observation): string {
  const parts = [
    `proxy ${short(m.proxy!.mean)}`,
    ...(m.gold ? [`held out ${short(m.gold.mean)}`] : []),
    ...(m.lowerBound ? [`lower bound ${short(m.lowerBound.mean)}`] : []),
    `KL ${short(m.kl!.mean)}`,
    `${short(m.length!.mean)} tokens`,
    `${percent(m.truncated!.mean, 0)} cut off`,
  ];
  return `look at step ${step}: ${parts.join(", ")}`;
}

function statusOf({ finished, steps }: TrainingResult): string {
  const after = `after ${counted(steps, "update")}`;
  const words = { done: "Done", stopped: "Stopped by the guard", interrupted: "Interrupted" } as const;
  return `${words[finished as keyof typeof words] ?? "Ended"} ${after}`;
}

const facts = [
  "model",
  "data",
  "reward",
  "held_out_reward",
  "guard_ensemble",
  "beta",
  "kl_coef",
  "learning_rate",
  "seed",
];

const factsOf = (settings: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    facts.flatMap((name) => {
      const value = settings[name];
      return value === undefined ? [] : [[name, Array.isArray(value) ? value.join("; ") : String(value)]];
    }),
  );

function readLog(file: string): Record<string, unknown>[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
}
