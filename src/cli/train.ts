/** `attune train METHOD`: flags and files to a run, its events to the terminal. Trains nothing itself. */
import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
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
import { ioError } from "../util/files.js";
import { nearestName } from "../util/nearest-name.js";
import { readArgs } from "./args.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { renderHelp } from "./help.js";
import type { Io } from "./io.js";
import { onInterrupt } from "./interrupt.js";
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
      `attune train ${method} --config run.yaml --max-steps 20`,
      `attune train ${method} --config runs/first/config.json --resume`,
    ],
    sections: { ...settingSections(method), "Command line": own },
  };
}

const overview: CommandHelp = {
  name: "attune train",
  about: `Trains a model. METHOD is one of ${METHOD_NAMES.join(", ")}; \`attune methods\` says when to choose which, \`attune train METHOD --help\` lists its settings.`,
  positionals: ["METHOD"],
  examples: [
    "attune train dpo --model models/tiny --data pairs.jsonl --output runs/first",
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
  const method = METHOD_NAMES.find((each) => each === name);
  if (method === undefined) {
    const near = nearestName(name, METHOD_NAMES);
    throw new AttuneError("usage", {
      where: "attune train",
      expected: METHOD_NAMES.join(", "),
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
  const { config: file, memory, json, ...flags } = values;
  const fromFile = typeof file === "string" ? readConfigFile(file, method) : {};
  const config = readTrainingConfig(
    { ...fromFile, ...flags, method },
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

/** Settings of a file; kebab-case names are read too. */
function readConfigFile(path: string, method: MethodName): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw ioError(cause, { path, expected: "a configuration file" });
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (cause) {
    throw new AttuneError("config", {
      where: path,
      expected: "YAML",
      got: cause instanceof Error ? cause.message.split("\n")[0]! : String(cause),
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AttuneError("config", {
      where: path,
      expected: "settings by name",
      got: value === null ? "an empty file" : Array.isArray(value) ? "a list" : JSON.stringify(value),
    });
  }
  const settings = Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name.replaceAll("-", "_"), each as unknown]),
  );
  if (settings["method"] !== undefined && settings["method"] !== method) {
    throw new AttuneError("config", {
      where: `${path}: method`,
      expected: method,
      got: JSON.stringify(settings["method"]),
      fix: `attune train ${String(settings["method"])} --config ${path}`,
    });
  }
  return settings;
}
