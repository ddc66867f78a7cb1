/**
 * `attune frontier`: reward against KL for methods and betas from one budget, as table, picture and page. What was done is not
 * done again: every run has a folder that its settings and inputs name.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ortBackend } from "../backends/index.js";
import { AttuneError } from "../errors.js";
import {
  bestOfReward,
  frontierCsv,
  type FrontierPoint,
  frontierSvg,
  renderFrontier,
  undominated,
} from "../evaluate/index.js";
import { bestOfNKlBound } from "../losses/index.js";
import { resolveModel } from "../models/index.js";
import {
  flag,
  list,
  optionalNumber,
  optionalText,
  optionalWhole,
  text,
  whole,
} from "../train/job/setting.js";
import { ensureFolder, sha256, writeFileAtomic, writeJsonAtomic } from "../util/files.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, type Given } from "./define-run.js";
import { frontierData } from "./frontier/data.js";
import { measureModel } from "./frontier/measure.js";
import {
  type Budget,
  fingerprintOf,
  frontierMethods,
  modelHash,
  planRuns,
  type RunSpec,
} from "./frontier/plan.js";
import { trainRun } from "./frontier/train-run.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { duration, table } from "./show.js";

const settings = {
  model: text({ doc: "The start: folder or Hub id of a fine-tuned model.", source: "required" }),
  data: text({ doc: "Pairs to learn from.", source: "required" }),
  reward: text({
    doc: "Reward model: measures every run, and online methods learn from it.",
    source: "required",
  }),
  methods: list({ doc: `Any of ${frontierMethods().join(", ")}.`, source: "dpo, ipo" }),
  betas: list({
    doc: "Weights of the KL; every method is run with each.",
    source: "0.05, 0.1, 1, 5: DPO's figure 2",
  }),
  best_of: list({ doc: "Best of n from the start, without training.", source: "none" }),
  output: optionalText({ doc: "Folder of all runs.", source: "runs/frontier" }),
  prompts: optionalText({
    doc: "File with prompts to measure on.",
    source: "a tenth of the prompts of data, which no run then learns from",
  }),
  eval_prompts: whole(128, { min: 2, doc: "Prompts to measure on, at most.", source: "ours" }),
  samples: whole(4, { min: 1, doc: "Answers to each of them.", source: "ours" }),
  max_new_tokens: whole(128, { min: 1, doc: "Most tokens of an answer.", source: "ours" }),
  answers: optionalWhole({
    min: 2,
    doc: "The budget: answers that every run learns from.",
    source: "those of all pairs, once",
  }),
  batch: whole(32, { min: 2, doc: "Answers of an update: half as many pairs.", source: "ours" }),
  learning_rate: optionalNumber({ above: 0, doc: "Peak rate of every run.", source: "each method's own" }),
  seed: whole(42, { min: 0, doc: "Of everything random.", source: "transformers" }),
  threads: optionalWhole({ min: 1, doc: "Threads of the engine.", source: "the cores, at most 8" }),
  json: flag(false, { doc: "Print the points as one JSON object.", source: "off" }),
};

const help: CommandHelp = {
  name: "attune frontier",
  about:
    "Trains a start with several methods and weights of the KL, all with the same number of answers, and measures each: reward, KL, length. Leaves frontier.csv, .json, .svg and .html. Called again it does only what is not done.",
  positionals: [],
  examples: [
    "attune frontier --model runs/sft/model --data pairs.jsonl --reward runs/reward/model",
    "attune frontier --model runs/sft/model --data pairs.jsonl --reward runs/reward/model --methods dpo,ipo,rloo,ppo --betas 0.03,0.1,0.3 --best-of 4,16",
  ],
  sections: { Flags: settings },
};

type Settings = Given<typeof settings>["values"];

export const run = defineRun({ help, settings }, async ({ values: s, io }) => {
  const betas = numbers("betas", s.betas ?? ["0.05", "0.1", "1", "5"], (x) => x >= 0);
  const bestOf = numbers("best-of", s.best_of ?? [], (x) => Number.isInteger(x) && x >= 1);
  const specs = planRuns(s.methods ?? ["dpo", "ipo"], betas);
  const interrupt = onInterrupt(io, "stopping after this step; the same command goes on");
  try {
    const points = await frontier(s, { specs, bestOf, io, signal: interrupt.signal });
    io.out(s.json ? JSON.stringify({ points }) : shown(points, s.output ?? "runs/frontier"));
    return exitCodes.ok;
  } finally {
    interrupt.release();
  }
});

function numbers(name: string, given: readonly string[], valid: (x: number) => boolean): number[] {
  const bad = given.find((each) => each.trim() === "" || !valid(Number(each)));
  if (bad === undefined) return given.map(Number);
  throw new AttuneError("usage", {
    where: `attune frontier --${name}`,
    expected: name === "betas" ? "numbers of at least 0 with commas between" : "whole numbers of at least 1",
    got: bad,
  });
}

interface FrontierRun {
  specs: readonly RunSpec[];
  bestOf: readonly number[];
  io: Io;
  signal: AbortSignal;
}

async function frontier(s: Settings, { specs, bestOf, io, signal }: FrontierRun): Promise<FrontierPoint[]> {
  const folder = s.output ?? "runs/frontier";
  await ensureFolder(folder);
  const [model, reward] = [await resolveModel(s.model), await resolveModel(s.reward)];
  const data = await frontierData({
    source: s.data,
    prompts: s.prompts,
    count: s.eval_prompts,
    seed: s.seed,
    folder,
  });
  const budget: Budget = {
    answers: s.answers ?? 2 * data.pairs,
    batch: s.batch,
    seed: s.seed,
    learningRate: s.learning_rate,
    maxNewTokens: s.max_new_tokens,
  };
  const hashes = { model: await modelHash(model), data: data.hash, reward: await modelHash(reward) };
  const measured = sha256(
    JSON.stringify([1, hashes.model, hashes.reward, data.held, s.max_new_tokens, s.seed]),
  );
  io.err(
    `${specs.length} runs of ${budget.answers} answers each; measured on ${data.held.length} prompts, ${s.samples} answers each\n`,
  );
  const measure = async (path: string, { at, samples }: { at: string; samples: number }) => {
    const key = sha256(JSON.stringify([measured, samples]));
    return kept(join(at, `measured-${key.slice(0, 8)}.json`), async () => {
      const backend = ortBackend(s.threads === undefined ? {} : { threads: s.threads });
      try {
        return await measureModel({
          backend,
          model: path,
          start: model,
          reward,
          prompts: data.held,
          samples,
          maxNewTokens: s.max_new_tokens,
          seed: s.seed,
          signal,
        });
      } finally {
        await backend.close();
      }
    });
  };
  // Twice as many as the largest n: the expected best is then an average over many draws.
  const samples = Math.max(s.samples, 2 * Math.max(0, ...bestOf));
  const at = join(folder, "start");
  await ensureFolder(at);
  const start = await measure(model, { at, samples });
  const points = [pointOf(start, { method: "start", beta: null, seconds: 0 })];
  for (const n of bestOf) {
    const kl = { mean: bestOfNKlBound(n), standardError: 0 };
    const best = {
      length: null,
      finished: null,
      kl,
      reward: bestOfReward(
        start.rewards.filter((list) => list.length >= n),
        n,
      ),
    };
    points.push(pointOf(best, { method: "best of n", beta: n, seconds: 0, bound: true }));
  }
  for (const [i, spec] of specs.entries()) {
    const fingerprint = fingerprintOf(spec, { ...hashes, budget });
    const own = join(folder, `${spec.name}-${spec.beta}-${fingerprint.slice(0, 8)}`);
    const title = `${i + 1}/${specs.length} ${spec.name} at beta ${spec.beta}`;
    await ensureFolder(own);
    const trained = await kept(join(own, "trained.json"), async () => {
      const began = performance.now();
      const path = await trainRun(spec, {
        folder: join(own, "run"),
        fingerprint,
        model,
        reward,
        data,
        budget,
        threads: s.threads,
        signal,
        onStep: (step, total) => io.errIsTerminal && io.err(`\r${title}: step ${step}/${total} `),
      });
      return { model: path, seconds: (performance.now() - began) / 1000 };
    });
    const result = await measure(trained.model, { at: own, samples: s.samples });
    const { seconds } = trained;
    points.push(pointOf(result, { method: spec.name, beta: spec.beta, seconds, run: own }));
    const { kl, reward: earned } = points.at(-1)!;
    io.err(
      `${title}: reward ${earned.mean.toFixed(3)}, KL ${kl.mean.toFixed(3)} nats, ${duration(seconds)}\n`,
    );
    // After every run, so that a frontier that is stopped can be looked at.
    await write(folder, points, { s, answers: budget.answers, prompts: data.held.length });
  }
  await write(folder, points, { s, answers: budget.answers, prompts: data.held.length });
  return points;
}

/** What a file says, or what is made now and written to it. */
async function kept<T>(path: string, make: () => Promise<T>): Promise<T> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as T;
  const value = await make();
  await writeJsonAtomic(path, value);
  return value;
}

const pointOf = (
  { kl, reward, length, finished }: Pick<FrontierPoint, "kl" | "reward" | "length" | "finished">,
  own: Pick<FrontierPoint, "method" | "beta" | "seconds" | "run" | "bound">,
): FrontierPoint => ({ ...own, kl, reward, length, finished });

async function write(
  folder: string,
  points: readonly FrontierPoint[],
  { s, answers, prompts }: { s: Settings; answers: number; prompts: number },
): Promise<void> {
  const about = [
    `Every run learned from ${answers} answers, ${s.batch} an update, seed ${s.seed}, learning rate ${s.learning_rate ?? "of each method's own default"}.`,
    `Measured on ${prompts} prompts that none learned from, ${s.samples} answers each at temperature 1, nothing cut away.`,
    "KL is the mean of log policy - log start over the policy's own answers; the errors are between prompts. Best of n has the bound log n - (n - 1) / n instead.",
    `Start ${s.model}, reward model ${s.reward}, pairs ${s.data}.`,
  ];
  await writeJsonAtomic(join(folder, "frontier.json"), { points });
  await writeFileAtomic(join(folder, "frontier.csv"), frontierCsv(points));
  await writeFileAtomic(join(folder, "frontier.svg"), frontierSvg(points));
  await writeFileAtomic(join(folder, "frontier.html"), renderFrontier(points, { about }));
}

function shown(points: readonly FrontierPoint[], folder: string): string {
  const best = new Set(undominated(points));
  const rows = points.map((point) => [
    `${best.has(point) ? "*" : " "} ${point.method}`,
    point.beta === null ? "" : String(point.beta),
    `${point.bound ? "<= " : ""}${point.kl.mean.toFixed(3)}`,
    `${point.reward.mean.toFixed(3)} +- ${(2 * point.reward.standardError).toFixed(3)}`,
    point.length?.mean.toFixed(1) ?? "",
  ]);
  return [
    table([["  method", "beta", "KL", "reward", "tokens"], ...rows], { right: [1, 2, 3, 4] }),
    "  *: no other has both more reward and less KL",
    join(folder, "frontier.html"),
  ].join("\n");
}
