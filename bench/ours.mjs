/**
 * One measurement of Attune in a process of its own, so that its peak memory is its own: reads a JSON argument, prints one
 * JSON line. Knows nothing of the peer. Uses the compiled package only.
 */
import { ortBackend } from "../dist/backends/index.js";
import { TokenGenerator } from "../dist/generate/index.js";
import { bindWeights, openModel } from "../dist/models/index.js";
import { adamw, chain, clipByGlobalNorm } from "../dist/optim/index.js";
import {
  loadTokenizer,
  tokenizePreference,
  tokenizePromptCompletion,
  tokenizeText,
} from "../dist/text/index.js";
import { createPolicy, exampleSource, fit, preference, reward, sft } from "../dist/train/index.js";
import { emit, median, readRows } from "./measure.mjs";
import { generateRows } from "./ours-generate.mjs";
import { onlineStep } from "./ours-online.mjs";

const options = JSON.parse(process.argv[2]);
const { kind, model: folder, data, repeats = 5, warmup = 1, threads = 2, recompute = "attention" } = options;
const { micro_batches = 1 } = options;

async function trainingStep() {
  const tokenizer = await loadTokenizer(folder);
  const rows = readRows(data);
  const tokenise = {
    dpo: tokenizePreference,
    reward: tokenizePreference,
    sft: tokenizePromptCompletion,
    full: tokenizeText,
  }[kind];
  const examples = [];
  for (const [i, row] of rows.entries()) {
    const { prompt, completions } = await tokenise(tokenizer, row, { where: `row ${i}` });
    examples.push({ id: `row ${i}`, prompt, completions });
  }
  const opened = await openModel(folder, kind === "reward" ? { head: "sequence" } : {});
  const lora = kind === "full" ? {} : { lora: { r: 16, alpha: 32, targetModules: "all-linear" } };
  const policy = createPolicy(opened, lora);
  const perDeviceBatchSize = { dpo: 2, reward: 2, sft: 4, full: 8 }[kind] / micro_batches;
  const train = exampleSource(examples, { plan: { perDeviceBatchSize, shuffle: false } });
  const trainer = {
    dpo: () => preference({ policy, train, loss: { beta: 0.1 } }),
    reward: () => reward({ policy, train }),
    sft: () => sft({ policy, train }),
    full: () => sft({ policy, train }),
  }[kind]();
  const backend = ortBackend({ threads, profile: options.profile, frozenWeights: options.frozen });
  const seconds = [];
  const losses = [];
  let tokens = 0;
  const fixed = { maxSteps: warmup + repeats, gradientAccumulationSteps: micro_batches, learningRate: 1e-4 };
  const run = { backend, ...fixed, detailSteps: 1, recompute };
  for await (const report of fit(trainer, { ...run, optimizer: chain(clipByGlobalNorm(1), adamw()) })) {
    if (report.step > warmup) seconds.push(report.seconds);
    losses.push(report.metrics.loss);
    tokens = report.tokens;
  }
  await backend.close();
  emit({ name: kind, seconds, median_s: median(seconds), tokens_per_s: tokens / median(seconds), losses });
}

async function decode() {
  const { batch, prompt_tokens = 128, new_tokens = 64 } = options;
  const opened = await openModel(folder);
  const backend = ortBackend({ threads, profile: options.profile, frozenWeights: options.frozen });
  const graph = { config: opened.model.config, weights: bindWeights(opened.model) };
  const generator = new TokenGenerator(
    backend,
    { graph, stopTokens: [] },
    { maxRows: batch, ...options.engine },
  );
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const prompts = Array.from({ length: batch }, () =>
    Array.from({ length: prompt_tokens }, () => 3 + Math.floor(random() * (graph.config.vocabSize - 3))),
  );
  const time = async (maxNewTokens) => {
    const began = performance.now();
    await generator.complete(prompts, { temperature: 0, maxNewTokens, stopTokens: [] });
    return (performance.now() - began) / 1000;
  };
  const prefill = [];
  const whole = [];
  for (let i = 0; i < warmup + repeats; i++) {
    const first = await time(1);
    const total = await time(new_tokens);
    if (i >= warmup) {
      prefill.push(first);
      whole.push(total);
    }
  }
  const loop = median(whole.map((total, i) => total - prefill[i]));
  await generator.close();
  await backend.close();
  emit({
    name: `decode-${batch}`,
    seconds: whole,
    median_s: median(whole),
    tokens_per_s: (batch * (new_tokens - 1)) / loop,
    prefill_tokens_per_s: (batch * prompt_tokens) / median(prefill),
  });
}

switch (kind) {
  case "decode":
    await decode();
    break;
  case "generate":
    emit(await generateRows(options));
    break;
  case "online":
    emit(await onlineStep(options));
    break;
  default:
    await trainingStep();
}
