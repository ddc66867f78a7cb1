/**
 * Whole GRPO steps through `trainOnline`: answers are drawn, judged by a cheap rule, scored, and learned from. Prints where a
 * step's time goes. The clock runs over the whole step, sampling included, from the second step on: the first makes the graphs.
 */
import { ortBackend } from "../dist/backends/index.js";
import { openModel } from "../dist/models/index.js";
import { functionReward } from "../dist/rewards/index.js";
import { loadTokenizer } from "../dist/text/index.js";
import { createPolicy, trainOnline } from "../dist/train/index.js";
import { median, readRows } from "./measure.mjs";

/** The share of even words, as `grpo_step.py` has it. */
const evenWords = functionReward("even_words", (items) =>
  items.map(({ completion }) => {
    const words = completion.split(/\s+/).filter((word) => word.startsWith("w"));
    return words.filter((word) => Number(word.slice(1)) % 2 === 0).length / Math.max(1, words.length);
  }),
);

export async function onlineStep(options) {
  const { model: folder, data, repeats = 1, warmup = 1, threads = 2 } = options;
  const { answers = 64, samples = 8, micro = 8, new_tokens = 128, beta = 0.04 } = options;
  const tokenizer = await loadTokenizer(folder);
  const opened = await openModel(folder);
  const policy = createPolicy(opened, { lora: { r: 16, alpha: 32, targetModules: "all-linear" } });
  const backend = ortBackend({ threads, profile: options.profile, frozenWeights: options.frozen });
  const prompts = readRows(data).map(({ prompt }, i) => ({ id: `row ${i}`, prompt }));
  const seconds = [];
  const cpu = [];
  const splits = [];
  const tokens = [];
  let metrics = {};
  let spent = process.cpuUsage();
  const reports = trainOnline({
    backend,
    method: "grpo",
    policy,
    tokenizer,
    prompts,
    reward: evenWords,
    settings: {
      loss_type: "grpo",
      beta,
      num_generations: samples,
      max_completion_length: new_tokens,
      per_device_train_batch_size: micro,
      gradient_accumulation_steps: answers / micro,
      ...options.settings,
    },
    fit: { maxSteps: warmup + repeats, learningRate: 1e-6 },
  });
  for await (const report of reports) {
    const { user, system } = process.cpuUsage(spent);
    spent = process.cpuUsage();
    metrics = report.metrics;
    if (report.step <= warmup) continue;
    seconds.push(report.seconds);
    cpu.push((user + system) / 1e6);
    splits.push(["generation", "reward", "scoring", "update"].map((name) => metrics[`time/${name}`] ?? 0));
    tokens.push(Math.round(metrics["completions/mean_length"] * answers));
  }
  await backend.close();
  const of = (k) => median(splits.map((split) => split[k]));
  return {
    name: "online",
    seconds,
    cpu_seconds: cpu,
    median_s: median(seconds),
    answer_tokens: median(tokens),
    tokens_per_s: median(seconds.map((s, i) => tokens[i] / s)),
    split: { generation: of(0), reward: of(1), scoring: of(2), update: of(3) },
    metrics,
  };
}
