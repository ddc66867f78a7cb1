/**
 * PPO with a reward that can be checked: sorting digits, from a weak start to nearly always right. A short SFT shows the
 * built-in model what the task looks like; from there on nothing but 1 for exactly right and 0 for anything else.
 *
 *   npm run recipe -- sorting [SEED] [METHOD] [ROLLOUTS]
 *
 * METHOD: ppo (default), rloo, grpo. Prompts of the measurement are in neither training.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  exactMatchReward,
  exampleSource,
  fitToEnd,
  loadExamples,
  loadModel,
  ortBackend,
  runToEnd,
  savePolicy,
  sft,
  TokenGenerator,
  trainOnline,
} from "attune";
import { bindWeights, openModel } from "attune/models";
import { bootstrapInterval } from "attune/stats";
import { chatTemplateOf, renderPrompt, stopTokenIds } from "attune/text";

const [seedText = "42", method = "ppo", rolloutsText = "90"] = process.argv.slice(2);
if (method !== "ppo" && method !== "rloo" && method !== "grpo")
  throw new Error("METHOD is one of ppo, rloo, grpo");
const seed = Number(seedText);
const digits = 4;
const shown = 400;
const held = 500;
const rollouts = Number(rolloutsText);
const answers = 128;

interface Task {
  id: string;
  prompt: [{ role: "user"; content: string }];
  answer: string;
}

/** All lists of different digits, in an order that the seed decides. */
function tasks(): Task[] {
  let lists: number[][] = [[]];
  for (let place = 0; place < digits; place++)
    lists = lists.flatMap((list) =>
      Array.from({ length: 10 }, (_, d) => d).flatMap((d) => (list.includes(d) ? [] : [[...list, d]])),
    );
  const key = ({ id }: Task): string => createHash("sha256").update(`${seed}/${id}`).digest("hex");
  return lists
    .map((list): Task => ({
      id: list.join(" "),
      prompt: [{ role: "user", content: `Sort: ${list.join(" ")}` }],
      answer: list.toSorted((a, b) => a - b).join(" "),
    }))
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

const all = tasks();
const [test, train] = [all.slice(0, held), all.slice(held)];
const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length;
const percent = (x: number): string => (100 * x).toFixed(1);
const folder = mkdtempSync(join(tmpdir(), "attune-sorting-"));
const backend = ortBackend();
/** On the clock, and of the processor: user and system, all threads. */
const spent = (): string => {
  const { user, system } = process.cpuUsage();
  return `${Math.round(performance.now() / 1000)} s, of the processor ${Math.round((user + system) / 1e6)} s`;
};

const start = join(folder, "start");
await weakStart(start);
const { policy, tokenizer } = await loadModel(start, { seed });
const before = await exact(start);
console.log(`start: ${shares(before)} exactly right, ${spent()}`);

const clip = { num_mini_batches: 2, per_device_train_batch_size: answers / 2 };
const run = trainOnline({
  backend,
  method,
  policy,
  tokenizer,
  prompts: train.map(({ answer, ...each }) => ({ ...each, columns: { answer } })),
  reward: exactMatchReward(),
  settings: {
    ...clip,
    ...(method === "ppo" ? { num_iterations: 2, kl_coef: 0.01 } : { beta: 0 }),
    total_episodes: rollouts * answers,
    max_completion_length: 12,
    seed,
  },
  onRollout: ({ rollout, metrics: m }) => {
    if (rollout % 10 === 0)
      console.log(
        `rollout ${rollout}: reward ${m["reward"]!.toFixed(2)}, KL ${m["objective/kl"]!.toFixed(1)}, ${spent()}`,
      );
  },
  fit: { learningRate: 3e-4, schedule: "linear", warmup: 0.05, detailSteps: 0, recompute: "none" },
});
const { parameters } = await runToEnd(run);
const trained = join(folder, "trained");
await savePolicy(trained, policy, { values: parameters, dtype: "F32" });
const after = await exact(trained);
await backend.close();
rmSync(folder, { recursive: true });
console.log(`${method}, seed ${seed}: ${shares(before)} -> ${shares(after)} exactly right, ${spent()}`);

/** Of each held-out list, the share of its answers that are exactly right. */
interface Exact {
  greedy: number[];
  /** Four answers at temperature 1. */
  sampled: number[];
}

/** The interval is a 95% bootstrap over lists. */
function shares({ greedy, sampled }: Exact): string {
  const { low, high } = bootstrapInterval(sampled, mean)!;
  return `${percent(mean(sampled))}% (95% ${percent(low)} to ${percent(high)}; greedy ${percent(mean(greedy))}%)`;
}

async function weakStart(path: string): Promise<void> {
  const file = join(folder, "shown.jsonl");
  const lines = train
    .slice(0, shown)
    .map(({ prompt, answer }) =>
      JSON.stringify({ prompt, completion: [{ role: "assistant", content: answer }] }),
    );
  writeFileSync(file, lines.join("\n"));
  const model = await loadModel("models/tiny", { seed });
  const source = exampleSource(await loadExamples(file, model, { kind: "demonstration" }), {
    plan: { perDeviceBatchSize: 32, seed },
  });
  const { parameters: learned } = await fitToEnd(sft({ policy: model.policy, train: source }), {
    backend,
    epochs: 1,
    learningRate: 1e-3,
    warmup: 0.1,
  });
  await savePolicy(path, model.policy, { values: learned, dtype: "F32" });
}

/** Answers to the held-out lists. */
async function exact(path: string): Promise<Exact> {
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  const template = chatTemplateOf(tokenizer);
  const stopTokens = await stopTokenIds(tokenizer, template);
  const generator = new TokenGenerator(backend, { graph, stopTokens }, { maxRows: 128 });
  const asked = await Promise.all(
    test.map(({ prompt }) => tokenizer.encode(renderPrompt(template, prompt), { addSpecialTokens: false })),
  );
  const rightOf = async (temperature: number, samples: number): Promise<number[]> => {
    const got = await generator.complete(asked, { samples, temperature, maxNewTokens: 12, seed });
    const right = test.map(() => 0);
    for (const { prompt, tokens, finishReason } of got) {
      const said = finishReason === "stop" ? tokens.slice(0, -1) : tokens;
      if (tokenizer.decodeContinuation(said).trim() === test[prompt]!.answer) right[prompt]! += 1 / samples;
    }
    return right;
  };
  const result = { greedy: await rightOf(0, 1), sampled: await rightOf(1, 4) };
  await generator.close();
  return result;
}
