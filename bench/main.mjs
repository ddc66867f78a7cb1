/**
 * Attune beside TRL and transformers, in one run on one machine.
 *
 *   npm run bench                 every measurement
 *   npm run bench -- dpo decode   those whose name begins so
 *   npm run bench -- --json       one object a line
 *   npm run bench -- --repeats 9  default 5; medians are printed
 *   npm run bench -- --thorough   settings of the peer too that are known to be slower
 *   npm run bench -- --ours       without the peer (no Python needed when .bench/models is there)
 *
 *   npm run bench -- server       a server under load, without any peer: bench/server.mjs
 *   npm run bench -- store        pages of a project of a million judgements: bench/store.mjs
 *   npm run bench -- annotate     from the command to the first pair on screen: bench/annotate.mjs
 *
 * The peer's environment is made from PyPI in .bench (about 6 GB); nothing of it is part of the package.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureEnvironment, execute } from "./peer/environment.mjs";
import { runPeer } from "./peer/run.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
// What has no peer has its own file and its own flags, and ends the process.
const alone = { server: "./server.mjs", store: "./store.mjs", annotate: "./annotate.mjs" }[process.argv[2]];
if (alone !== undefined) {
  process.argv.splice(2, 1);
  await import(alone);
  process.exit();
}
const store = join(root, ".bench", "models");

/** name, what we run and in which settings, what the peer runs and in which settings, and the bar of the ratio. */
const smol = { shape: "smollm2-135m", dtype: "float32" };
const halves = ["bfloat16", "bfloat16-checkpoint"];
/** Ours: float32 throughout, and `--load-in-8bit`: products with frozen weights in 8 bits, all else in float32. */
const both = ["float32", "int8"];
/** The step in two micro-batches of one pair, which is less memory for a little time. */
const halved = "int8, pair by pair";
const cases = [
  {
    name: "dpo-step",
    ours: { kind: "dpo" },
    forms: [...both, halved],
    script: "dpo_step.py",
    data: "preference",
    model: smol,
    against: [
      ["float32", ["float32"], 3.5],
      ["bfloat16", halves, 2],
    ],
  },
  {
    name: "sft-step",
    ours: { kind: "sft" },
    forms: both,
    script: "sft_step.py",
    data: "sft",
    model: smol,
    against: [
      ["float32", ["float32"]],
      ["bfloat16", halves],
    ],
  },
  {
    name: "reward-step",
    ours: { kind: "reward" },
    forms: both,
    script: "reward_step.py",
    data: "preference",
    model: smol,
    against: [
      ["float32", ["float32"]],
      ["bfloat16", halves],
    ],
  },
  {
    name: "full-step",
    ours: { kind: "full" },
    forms: ["float32"],
    script: "full_step.py",
    data: "text",
    model: { shape: "stories15m", dtype: "float32" },
    against: [
      ["float32", ["float32"]],
      ["autocast", ["autocast"]],
    ],
  },
  {
    // The size at which people begin: fewer repeats, because a step takes the peer a minute.
    name: "large-dpo-step",
    ours: { kind: "dpo" },
    forms: both,
    script: "dpo_step.py",
    data: "preference",
    model: { shape: "qwen2.5-1.5b", dtype: "bfloat16" },
    against: [["bfloat16", ["bfloat16-checkpoint"]]],
    repeats: 2,
  },
  ...[1, 16, 64].map((batch) => ({
    name: `decode-${batch}`,
    ours: { kind: "decode", batch },
    forms: both,
    script: "decode.py",
    model: smol,
    unit: "tokens/s",
    against: [["best", ["float32", "bfloat16"], 1.5]],
    more: { batch },
  })),
  // Greedy answers to 128-token prompts, 16 rows at a time and 64 in all; the clock runs over prompts and answers.
  ...[
    // Once as many rows as there is room for, all of one length.
    { name: "generate-equal", rows: 16, more: { rows: 16, equal_tokens: 128 }, bar: 1.5 },
    // Four times as many, of 16 to 128 tokens.
    { name: "generate-ragged", rows: 64, more: { rows: 16 }, bar: 3 },
  ].map(({ name, rows, more, bar }) => ({
    name,
    ours: { kind: "generate" },
    forms: both,
    script: "generate.py",
    data: "ragged",
    size: { rows, prompt_tokens: 128, answer_tokens: 128 },
    model: smol,
    unit: "answer tokens/s",
    against: [
      ["best", ["bfloat16", "float32"], bar],
      // transformers' own continuous batching, made for GPUs, runs here too.
      ...(name === "generate-ragged" ? [["continuous", ["float32-continuous"]]] : []),
    ],
    more,
    repeats: 1,
  })),
  {
    // 64 answers of up to 128 tokens, 8 to each of 8 prompts; LoRA, beta 0.04. With --thorough the peer runs in float32 too, whose
    // training steps take it half as long again (dpo-step), for a tenth more tokens a second at 64 rows (decode-64).
    name: "online",
    ours: { kind: "online" },
    forms: both,
    script: "grpo_step.py",
    data: "prompt",
    size: { rows: 32, prompt_tokens: 128 },
    model: { ...smol, end_scale: 11 },
    unit: "answer tokens/s",
    against: [["best", ["bfloat16"], 2.5]],
    thorough: [["float32", ["float32", "bfloat16-checkpoint"], 2.5]],
    repeats: 1,
  },
];

const vocabularies = { "smollm2-135m": 49152, stories15m: 32000, "qwen2.5-1.5b": 151936 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    repeats: { type: "string" },
    ours: { type: "boolean" },
    thorough: { type: "boolean" },
  },
});
const most = Number(values.repeats ?? 5);
const repeatsOf = (c) => (values.repeats ? most : (c.repeats ?? most));
const chosen = cases.filter((c) => positionals.length === 0 || positionals.some((p) => c.name.startsWith(p)));
if (chosen.length === 0) {
  console.error(
    `bench: no measurement begins with ${positionals.join(", ")}; there are: ${cases.map((c) => c.name).join(", ")}`,
  );
  process.exit(2);
}

const say = (text) => process.stderr.write(`${text}\n`);
const environment = await ensureEnvironment({ log: say });
mkdirSync(store, { recursive: true });

async function python(script, options) {
  return runPeer(environment, script, { options });
}

async function modelFolder({ shape, dtype, end_scale }) {
  const folder = join(store, `${shape}-${dtype}${end_scale ? `-ends-${end_scale}` : ""}`);
  if (!existsSync(join(folder, "config.json")))
    await python("make_model.py", { shape, folder, dtype, ...(end_scale && { end_scale }) });
  return folder;
}

async function dataFile(kind, { shape }, size) {
  const file = join(store, `${kind}-${shape}${size ? `-${size.rows}` : ""}.jsonl`);
  const vocabulary = vocabularies[shape];
  // Enough rows for every step of a run without repeating one.
  const rows = 8 * (most + 2);
  await python("make_data.py", {
    kind,
    file,
    vocabulary,
    rows,
    ...(kind === "text" ? { prompt_tokens: 1, answer_tokens: 256 } : {}),
    ...size,
  });
  return file;
}

async function ours(options) {
  const result = await execute(process.execPath, [join(root, "bench", "ours.mjs"), JSON.stringify(options)], {
    env: process.env,
  });
  if (result.code !== 0) throw new Error(`bench/ours.mjs failed:\n${result.stderr.slice(-2000)}`);
  return JSON.parse(result.stdout.trim().split("\n").at(-1));
}

/**
 * The best of several settings of the peer under each way of keeping memory: as glibc's allocator comes, which is what a
 * user gets, and told to keep the blocks that it is given back. Checkpointing is run as it comes only: with blocks kept it
 * took more than twice as long.
 */
async function theirs(c, { settings, options }) {
  const best = new Map();
  for (const setting of settings) {
    const once = c.unit === "tokens/s" || c.script === "generate.py" || setting.endsWith("checkpoint");
    for (const allocator of once ? ["default"] : ["default", "reuse"]) {
      const run = await runPeer(environment, c.script, {
        options: { ...options, setting, repeats: repeatsOf(c) },
        allocator,
      }).catch((error) => {
        say(`  ${setting}, allocator ${allocator}: no measurement: ${error.message}`);
      });
      if (run === undefined) continue;
      const rate = c.unit ? run.tokens_per_s : -run.median_s;
      say(`  ${setting}, allocator ${allocator}: ${summary(run, c)}`);
      const held = best.get(allocator);
      if (!held || rate > held.rate) best.set(allocator, { ...run, rate, setting, allocator });
    }
  }
  return [...best.values()];
}

/** A run in a line, for people who wait. */
function summary(run, { unit }) {
  const parts = [unit ? `${run.tokens_per_s.toFixed(1)} ${unit}` : "", `${run.median_s.toFixed(2)} s`];
  if (run.prefill_tokens_per_s) parts.push(`prefill ${run.prefill_tokens_per_s.toFixed(0)}`);
  if (run.answer_tokens) parts.push(`${Math.round(run.answer_tokens)} answer tokens`);
  const split = Object.entries(run.split ?? {}).map(([name, s]) => `${name} ${s.toFixed(2)}`);
  if (split.length > 0) parts.push(`of it ${split.join(", ")}`);
  return [...parts, `${run.peak_memory_mb} MB`].filter((part) => part !== "").join(", ");
}

function print(line, bar) {
  if (values.json) console.log(JSON.stringify(line));
  else {
    const verdict =
      bar === undefined ? "" : line.ratio >= bar ? `  (bar ${bar}: reached)` : `  (bar ${bar}: NOT reached)`;
    const memory = `${line.peak_memory_mb_ours} MB against ${line.peak_memory_mb_theirs} MB`;
    console.log(
      `${line.name.padEnd(44)} ${line.ours.toFixed(2)} against ${line.theirs.toFixed(2)} ${line.unit}: ${line.ratio.toFixed(2)} times, ${memory}${verdict}`,
    );
  }
}

for (const c of chosen) {
  const model = await modelFolder(c.model);
  const options = { model, ...(c.data && { data: await dataFile(c.data, c.model, c.size) }), ...c.more };
  const own = [];
  for (const form of c.forms) {
    say(`${c.name}: Attune, ${form}`);
    const micro = form === halved ? { micro_batches: 2 } : {};
    const frozen = form === "float32" ? "float32" : "int8";
    const run = await ours({ ...c.ours, ...options, ...micro, frozen, repeats: repeatsOf(c) });
    own.push({ ...run, form });
    say(`  ${summary(run, c)}`);
  }
  if (values.ours) continue;
  for (const [label, settings, bar] of [...c.against, ...((values.thorough && c.thorough) || [])]) {
    say(`${c.name}: ${label}`);
    const measured = await theirs(c, { settings, options });
    if (measured.length === 0) process.exitCode = 1;
    for (const peer of measured) {
      const title = `${peer.setting}${peer.allocator === "reuse" ? ", blocks kept" : ""}`;
      for (const run of own) compare({ name: c.name, unit: c.unit, run, peer, title, bar });
    }
  }
}

/** One line of ours in one form against the peer in one setting; for decoding also how fast prompts are read. */
function compare({ name, unit, run, peer, title, bar }) {
  const memory = {
    unit: unit ?? "s",
    peak_memory_mb_ours: run.peak_memory_mb,
    peak_memory_mb_theirs: Math.round(peer.peak_memory_mb),
  };
  const line = (named, [x, y], ratio) => ({
    name: `${named} ${run.form} vs ${title}`,
    ours: x,
    theirs: y,
    ratio,
    ...memory,
  });
  if (!unit) return print(line(name, [run.median_s, peer.median_s], peer.median_s / run.median_s), bar);
  const rate = line(name, [run.tokens_per_s, peer.tokens_per_s], run.tokens_per_s / peer.tokens_per_s);
  print(run.split ? { ...rate, split_ours: run.split, split_theirs: peer.split } : rate, bar);
  if (!run.prefill_tokens_per_s) return;
  const prefill = [run.prefill_tokens_per_s, peer.prefill_tokens_per_s];
  print(line(name.replace("decode", "prefill"), prefill, prefill[0] / prefill[1]));
}
