/**
 * `attune quickstart`: the whole circle in small, offline: people judge, SFT, reward model, DPO, PPO, comparison, report. This file
 * runs it and writes what is left behind; the stages are in `pipeline.ts`.
 */
import { createRequire } from "node:module";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../errors.js";
import { sha256File, writeFileAtomic, writeJsonAtomic } from "../../util/files.js";
import { Run } from "../../records/index.js";
import { openModel } from "../../models/index.js";
import type { PairAgreement, RewardAccuracy } from "../../evaluate/index.js";
import type { Comparison } from "./compare-stage.js";
import type { JudgedStage } from "./judge-stage.js";
import { createNarrator } from "./narrator.js";
import { nextCommands, type NextCommand } from "./next-commands.js";
import type { Outcome } from "./outcome.js";
import { builtInModel, runPipeline } from "./pipeline.js";
import { renderReport } from "./report.js";
import { makeRunFolder, refuseExisting } from "./run-folder.js";
import { type Plan, type QuickstartOptions, readSettings, type Settings } from "./settings.js";
import { tellResults } from "./tell-results.js";

export { quickstartSchema, type QuickstartOptions } from "./settings.js";

/** Everything that was measured; plain JSON, and a function of the options, the machine's arithmetic and the threads alone. */
export interface QuickstartResults {
  seed: number;
  plan: Plan;
  agreement: PairAgreement;
  judging: JudgedStage["counts"] & { train: number; heldOut: number };
  reward: { accuracy: RewardAccuracy; ceiling: RewardAccuracy };
  comparison: Omit<Comparison, "answers">;
}

export interface QuickstartResult {
  folder: string;
  report: string;
  results: QuickstartResults;
  next: NextCommand[];
}

export interface QuickstartRun {
  /** Takes the account of the run, whole lines or moving progress. Default: standard error. */
  write?: (text: string) => void;
  /** Whether `write` goes to a terminal, so that a line of progress can move. Default: false with a `write` of one's own. */
  terminal?: boolean;
  /** Stops at the next step and leaves the folder as it is. */
  signal?: AbortSignal;
}

/**
 * Runs the quick start and gives what it found. It writes only into its own new folder.
 * @throws AttuneError `config` for an option, `usage` when the output folder is there, `model` without a base model, `io` when
 * the disk refuses, `interrupted` when the signal says so
 */
export async function runQuickstart(
  options: QuickstartOptions = {},
  { write, terminal, signal }: QuickstartRun = {},
): Promise<QuickstartResult> {
  const settings = readSettings(options);
  const startedAt = new Date();
  refuseExisting(settings.output);
  // Before anything is written: without a base model there is no run.
  await openModel(settings.model ?? builtInModel);
  const folder = await makeRunFolder(settings.output);
  const narrator = createNarrator({ write, terminal, stages: 6 });
  narrator.say(`Everything is written to ${folder}`);
  const outcome = await runPipeline({ settings, folder, narrator, signal });
  const version = attuneVersion();
  const next = nextCommands({ folder, base: outcome.base, plan: settings.plan, seed: settings.seed });
  const results = resultsOf(outcome, settings);
  const report = join(folder, "report.html");
  await writeJsonAtomic(join(folder, "results.json"), results);
  await writeFileAtomic(report, renderReport({ outcome, settings, folder, version, next }));
  await writeJsonAtomic(join(folder, "run.json"), await runRecord({ outcome, settings, version, startedAt }));
  tellResults({ outcome, narrator, report, next });
  return { folder, report, results, next };
}

function resultsOf({ judged, reward, comparison }: Outcome, { seed, plan }: Settings): QuickstartResults {
  const { answers: _answers, ...numbers } = comparison;
  return {
    seed,
    plan,
    agreement: judged.agreement,
    judging: { ...judged.counts, train: judged.train.length, heldOut: judged.heldOut.length },
    reward: { accuracy: reward.accuracy, ceiling: reward.ceiling },
    comparison: numbers,
  };
}

interface RecordInput {
  outcome: Outcome;
  settings: Settings;
  version: string;
  startedAt: Date;
}

async function runRecord({ outcome, settings, version, startedAt }: RecordInput): Promise<Run> {
  const { models, duels } = outcome.comparison;
  const weights = readdirSync(outcome.base).filter((name) => name.endsWith(".safetensors"));
  const hashes: Record<string, string> = {};
  for (const name of [...weights, "config.json", "tokenizer.json"])
    hashes[name] = await sha256File(join(outcome.base, name));
  return Run.parse({
    id: `quickstart-${startedAt.toISOString()}`,
    method: "quickstart",
    status: "finished",
    started_at: startedAt.toISOString(),
    finished_at: new Date().toISOString(),
    seed: settings.seed,
    config: { ...settings, model: settings.model ?? "built-in" },
    versions: { attune: version, node: process.versions.node },
    model: { path: outcome.base === builtInModel ? "models/tiny" : outcome.base, hashes },
    data: outcome.files.map(({ path, sha256, rows }) => ({ path, sha256, rows })),
    metrics: {
      "reward/accuracy": outcome.reward.accuracy.accuracy,
      ...Object.fromEntries(
        duels.map(({ ours, theirs, people }) => [`win_rate/${ours}_over_${theirs}`, people.winRate]),
      ),
      ...Object.fromEntries(
        Object.entries(models).map(([name, { utility }]) => [`utility/${name}`, utility.mean]),
      ),
    },
    checkpoint: "dpo/model",
  });
}

function attuneVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("../../../package.json");
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return String(manifest.version);
  throw new AttuneError("io", {
    where: "package.json",
    expected: "a version",
    got: "none",
    fix: "install attune again",
  });
}
