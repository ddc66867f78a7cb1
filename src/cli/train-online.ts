/** `attune train METHOD` for methods that learn from their own answers: flags to a run, its events to the terminal. */
import { join } from "node:path";
import { ortBackend } from "../backends/index.js";
import { ONLINE_METHODS, type OnlineMethodEntry, type OnlineMethodName } from "../train/index.js";
import { listCheckpoints } from "../train/checkpoint.js";
import { flag, optionalText } from "../train/job/setting.js";
import {
  onlineTrainingSections,
  readOnlineTrainingConfig,
  runOnlineTraining,
} from "../train/online/job/index.js";
import { isCollapse } from "../train/run-errors.js";
import { readArgs } from "./args.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { readConfigFile } from "./config-file.js";
import { renderHelp } from "./help.js";
import { onInterrupt } from "./interrupt.js";
import { storeSettings } from "./open-store.js";
import type { Io } from "./io.js";
import { withSnapshots } from "./store/for-training.js";
import { watchedRun } from "./run-guard.js";
import { reportResult, watchTraining } from "./watch-training.js";

const own = {
  config: optionalText({
    doc: "YAML (or JSON) file with settings under the same names; flags win.",
    source: "none",
  }),
  ...storeSettings,
  json: flag(false, { doc: "Print the result as one JSON object.", source: "off" }),
};

function helpOf(method: OnlineMethodName): CommandHelp {
  const { title, needs, choose, rewarded }: OnlineMethodEntry = ONLINE_METHODS[method];
  const start = `attune train ${method} --model runs/sft/model`;
  return {
    name: `attune train ${method}`,
    about: `${title}. Data: ${needs}. Choose it ${choose}.`,
    positionals: [],
    examples: rewarded
      ? [
          `${start} --data prompts.jsonl --reward runs/reward/model`,
          `${start} --data questions.jsonl --reward "rule:numeric-match?column=answer" --reward "0.1*rule:ended"`,
          `${start} --data prompts.jsonl --reward http://127.0.0.1:5000/score --reward-retries 8`,
          `attune train ${method} --config runs/first/config.json --resume`,
        ]
      : [
          `${start} --data answers.jsonl --num-train-epochs 2`,
          `attune train ${method} --config runs/first/config.json --resume`,
        ],
    sections: { ...onlineTrainingSections(method), "Command line": own },
  };
}

export async function trainFromOwnAnswers(
  method: OnlineMethodName,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const help = helpOf(method);
  const { values, help: asked } = readArgs(args, help);
  if (asked) {
    io.out(renderHelp(help, io));
    return exitCodes.ok;
  }
  const { config: file, json, store, ...flags } = values;
  const fromFile = typeof file === "string" ? readConfigFile(file, method) : {};
  const { demonstrations }: OnlineMethodEntry = ONLINE_METHODS[method];
  const kind = demonstrations ? "demonstration" : "prompt";
  const given = { ...fromFile, ...flags };
  const config = readOnlineTrainingConfig(
    method,
    await withSnapshots(given, { kind, store: store as string | undefined, tell: io.err }),
  );
  const interrupt = onInterrupt(
    io,
    "finishing this update, or giving up this rollout, then saving; Ctrl-C again stops at once",
  );
  const watcher = watchTraining(io);
  const watched = watchedRun(config.resolved);
  try {
    const result = await runOnlineTraining(config, {
      openBackend: ortBackend,
      onEvent: watcher.onEvent,
      openGuard: watched.open,
      signal: interrupt.signal,
    });
    watcher.done();
    const report = await watched.finish(result);
    if (json !== true) io.err(`report: ${report}\n`);
    reportResult(result, { io, json: json === true });
    return result.finished === "interrupted" ? exitCodes.interrupted : exitCodes.ok;
  } catch (error) {
    watcher.done();
    // A collapse names its own way back.
    if (!isCollapse(error)) tellSaved(method, { output: config.resolved["output"], io });
    throw error;
  } finally {
    watcher.done();
    interrupt.release();
  }
}

/** What a run that failed leaves to go on from. */
function tellSaved(method: OnlineMethodName, { output, io }: { output: unknown; io: Io }): void {
  const newest = typeof output === "string" ? listCheckpoints(output).at(-1) : undefined;
  if (newest === undefined) return;
  const config = join(output as string, "config.json");
  io.err(`saved after step ${newest}; to go on: attune train ${method} --config ${config} --resume\n`);
}
