/**
 * PPO with a reward that can be checked: sorting digits, from a weak start to nearly always right. A short SFT shows the
 * built-in model what the task looks like; from there on nothing but 1 for exactly right and 0 for anything else.
 *
 *   npm run recipe -- sorting [SEED] [METHOD]
 *
 * Prompts of the measurement are in neither training. METHOD: ppo (default), rloo, grpo.
 */
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
  saveModelFolder,
  sft,
  TokenGenerator,
  trainOnline,
} from "attune";
import { bindWeights, openModel } from "attune/models";
import { chatTemplateOf, renderPrompt, stopTokenIds } from "attune/text";

const [seedText = "42", method = "ppo"] = process.argv.slice(2);
const seed = Number(seedText);
const digits = 4;
const shown = 800;
const held = 200;
const rollouts = 60;
const answers = 128;

interface Task {
  id: string;
  prompt: [{ role: "user"; content: string }];
  answer: string;
}

/** All different digits in every order; which are held out is decided by the seed. */
function tasks(): Task[] {
  const lists: number[][] = [];
  const grow = (list: number[]): void => {
    if (list.length === digits) lists.push(list);
    else for (let d = 0; d < 10; d++) if (!list.includes(d)) grow([...list, d]);
  };
  grow([]);
  // A cheap seeded shuffle: a recipe has no use for a better one.
  const key = (list: readonly number[]): number =>
    Math.sin(seed + Number(list.join("")) * 12.9898) * 43758.5453;
  const place = (list: readonly number[]): number => key(list) - Math.floor(key(list));
  return lists
    .toSorted((a, b) => place(a) - place(b))
    .map((list) => ({
      id: list.join(" "),
      prompt: [{ role: "user", content: `Sort: ${list.join(" ")}` }],
      answer: list.toSorted((a, b) => a - b).join(" "),
    }));
}

const all = tasks();
const [test, train] = [all.slice(0, held), all.slice(held)];
const folder = mkdtempSync(join(tmpdir(), "attune-sorting-"));
const backend = ortBackend();
const began = performance.now();
const seconds = (): number => Math.round((performance.now() - began) / 1000);

const start = join(folder, "start");
await weakStart(start);
const { policy, tokenizer } = await loadModel(start, { seed });
const before = await exact(start);
console.log(`start: ${shares(before)} exactly right, ${seconds()} s`);

const run = trainOnline({
  backend,
  method: method as "ppo",
  policy,
  tokenizer,
  prompts: train.map(({ answer, ...each }) => ({ ...each, columns: { answer } })),
  reward: exactMatchReward(),
  settings: {
    per_device_train_batch_size: answers / 2,
    ...(method === "ppo"
      ? { num_mini_batches: 2, num_iterations: 2, kl_coef: 0.01 }
      : { num_mini_batches: 2, beta: 0 }),
    total_episodes: rollouts * answers,
    max_completion_length: 12,
    reward_timeout: 3600,
    seed,
  },
  onRollout: ({ rollout, metrics: m }) => {
    if (rollout % 10 === 0)
      console.log(
        `rollout ${rollout}: reward ${m["reward"]!.toFixed(2)}, KL ${m["objective/kl"]!.toFixed(1)}, ${seconds()} s`,
      );
  },
  fit: { learningRate: 3e-4, schedule: "linear", warmup: 0.05, detailSteps: 0, recompute: "none" },
});
for (;;) {
  const next = await run.next();
  if (!next.done) continue;
  const own = new Map([...next.value.parameters].filter(([name]) => policy.trainable.has(name)));
  await saveModelFolder(join(folder, "trained"), policy.folder, { parameters: own, dtype: "F32" });
  break;
}
const after = await exact(join(folder, "trained"));
await backend.close();
rmSync(folder, { recursive: true });
console.log(`${method}, seed ${seed}: ${shares(before)} -> ${shares(after)} exactly right, ${seconds()} s`);
if (after.sampled < 0.95) process.exitCode = 1;

interface Exact {
  greedy: number;
  /** At temperature 1. */
  sampled: number;
}

function shares({ greedy, sampled }: Exact): string {
  return `${(100 * sampled).toFixed(1)}% (greedy ${(100 * greedy).toFixed(1)}%)`;
}

async function weakStart(path: string): Promise<void> {
  const rows = Array.from({ length: shown }, (_, i) => train[i % train.length]!);
  const file = join(folder, "shown.jsonl");
  const lines = rows.map(({ prompt, answer }) =>
    JSON.stringify({ prompt, completion: [{ role: "assistant", content: answer }] }),
  );
  writeFileSync(file, lines.join("\n"));
  const model = await loadModel("models/tiny", { seed });
  const source = exampleSource(await loadExamples(file, model, { kind: "demonstration" }), {
    plan: { perDeviceBatchSize: 32, seed },
  });
  const { parameters } = await fitToEnd(sft({ policy: model.policy, train: source }), {
    backend,
    epochs: 1,
    learningRate: 1e-3,
    warmup: 0.1,
  });
  await saveModelFolder(path, model.policy.folder, { parameters, dtype: "F32" });
}

/** Answers to the held-out tasks, four a task at temperature 1 and one greedy. */
async function exact(path: string): Promise<Exact> {
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  const template = chatTemplateOf(tokenizer);
  const stopTokens = await stopTokenIds(tokenizer, template);
  const generator = new TokenGenerator(backend, { graph, stopTokens }, { maxRows: 128 });
  const asked = await Promise.all(
    test.map(({ prompt }) => tokenizer.encode(renderPrompt(template, prompt), { addSpecialTokens: false })),
  );
  const share = async (temperature: number, samples: number): Promise<number> => {
    const got = await generator.complete(asked, { samples, temperature, maxNewTokens: 12, seed });
    const right = got.filter(({ prompt, tokens, finishReason }) => {
      const said = finishReason === "stop" ? tokens.slice(0, -1) : tokens;
      return tokenizer.decodeContinuation(said).trim() === test[prompt]!.answer;
    });
    return right.length / got.length;
  };
  const result = { greedy: await share(0, 1), sampled: await share(1, 4) };
  await generator.close();
  return result;
}
