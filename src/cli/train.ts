/** `attune train METHOD`: flags and files to a run, its events to the terminal. Trains nothing itself. */
import { ortBackend } from "../backends/index.js";
import { AttuneError } from "../errors.js";
import {
  estimateTraining,
  METHOD_NAMES,
  methodEntry,
  type MethodName,
  readTrainingConfig,
  runTraining,
  settingSections,
} from "../train/job/index.js";
import { flag, optionalText } from "../train/job/setting.js";
import { ONLINE_METHOD_NAMES } from "../train/index.js";
import { nearestName } from "../util/nearest-name.js";
import { readArgs } from "./args.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { readConfigFile } from "./config-file.js";
import { renderHelp } from "./help.js";
import { storeSettings } from "./open-store.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
import { withSnapshots } from "./store/for-training.js";
import { trainFromOwnAnswers } from "./train-online.js";
import { memoryTable, reportResult, watchTraining } from "./watch-training.js";

const own = {
  config: optionalText({
    doc: "YAML (or JSON) file with settings under the same names; flags win.",
    source: "none",
  }),
  memory: flag(false, {
    doc: "Print the memory estimate and stop.",
    source: "off; the check itself always runs",
  }),
  ...storeSettings,
  json: flag(false, { doc: "Print the result as one JSON object.", source: "off" }),
};

function helpOf(method: MethodName): CommandHelp {
  const { title, needs, choose } = methodEntry(method);
  return {
    name: `attune train ${method}`,
    about: `${title}. Data: ${needs}. Choose it ${choose}.`,
    positionals: [],
    examples: [
      `attune train ${method} --model models/tiny --data ${method === "kto" ? "votes" : method === "sft" ? "answers" : "pairs"}.jsonl --output runs/first`,
      `attune train ${method} --model Qwen/Qwen2.5-0.5B-Instruct --data my.jsonl --eval-split 0.1 --lora-r 16 --learning-rate 1e-5`,
      `attune train ${method} --model models/tiny --data attune:my-project`,
      `attune train ${method} --config run.yaml --max-steps 20`,
      `attune train ${method} --config runs/first/config.json --resume`,
    ],
    sections: { ...settingSections(method), "Command line": own },
  };
}

const allNames = [...METHOD_NAMES, ...ONLINE_METHOD_NAMES];

const overview: CommandHelp = {
  name: "attune train",
  about: `Trains a model. METHOD is, on data, one of ${METHOD_NAMES.join(", ")}; on the model's own answers, one of ${ONLINE_METHOD_NAMES.join(", ")}. \`attune methods\` says when to choose which, \`attune train METHOD --help\` lists its settings.`,
  positionals: ["METHOD"],
  examples: [
    "attune train dpo --model models/tiny --data pairs.jsonl --output runs/first",
    "attune train rloo --model runs/sft/model --data prompts.jsonl --reward runs/reward/model",
    "attune train reward --help",
  ],
  sections: {},
};

export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h") {
    io.out(renderHelp(overview, io));
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  const online = ONLINE_METHOD_NAMES.find((each) => each === name);
  if (online !== undefined) return trainFromOwnAnswers(online, rest, io);
  const method = METHOD_NAMES.find((each) => each === name);
  if (method === undefined) {
    const near = nearestName(name, allNames);
    throw new AttuneError("usage", {
      where: "attune train",
      expected: allNames.join(", "),
      got: name,
      fix: near ? `did you mean attune train ${near}?` : "attune methods",
    });
  }
  const help = helpOf(method);
  const { values, help: asked } = readArgs(rest, help);
  if (asked) {
    io.out(renderHelp(help, io));
    return exitCodes.ok;
  }
  const { config: file, memory, json, store, ...flags } = values;
  const fromFile = typeof file === "string" ? readConfigFile(file, method) : {};
  const given = await withSnapshots(
    { ...fromFile, ...flags },
    { kind: methodEntry(method).records, store: store as string | undefined, tell: io.err },
  );
  const config = readTrainingConfig(
    { ...given, method },
    { where: file === undefined ? `attune train ${method}` : String(file) },
  );
  const interrupt = onInterrupt(
    io,
    "finishing this step (and its evaluation, where one is due), then saving; Ctrl-C again stops at once",
  );
  const watcher = watchTraining(io);
  try {
    if (memory === true) {
      const report = await estimateTraining(config, { signal: interrupt.signal });
      io.out(json === true ? JSON.stringify(report) : memoryTable(report));
      return report.fits ? exitCodes.ok : exitCodes.error;
    }
    const result = await runTraining(config, {
      openBackend: ortBackend,
      onEvent: watcher.onEvent,
      signal: interrupt.signal,
    });
    watcher.done();
    reportResult(result, { io, json: json === true });
    return result.finished === "interrupted" ? exitCodes.interrupted : exitCodes.ok;
  } finally {
    watcher.done();
    interrupt.release();
  }
}
