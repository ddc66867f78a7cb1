/**
 * Folders exchanged with transformers and PEFT: each side loads what the other saved, and the numbers must be equal.
 *
 *   npm run build && node bench/interop.mjs              every model, every case
 *   node bench/interop.mjs --model gpt2 --model llama    those models
 *   node bench/interop.mjs full dora                     those cases
 *   node bench/interop.mjs --json                        one object a line
 *
 * The peer's environment is made from PyPI in .bench (about 6 GB); nothing of it is part of the package. Exit code 1 when
 * a case fails. What each case compares is in docs/interop.md.
 */
import { existsSync, mkdtempSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cases, contextOf, runCase } from "./interop/cases.mjs";
import { backend } from "./interop/ours.mjs";
import { startPeer } from "./interop/peer.mjs";
import { ensureEnvironment } from "./peer/environment.mjs";
import { runPeer } from "./peer/run.mjs";

/** Largest difference of two float32 logits; they are of the order of 1. */
const tolerance = 3e-5;

const root = fileURLToPath(new URL("..", import.meta.url));
const golden = join(resolve(root, process.env.ATTUNE_GOLDEN ?? "../shared/golden"), "models", "checkpoints");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, model: { type: "string", multiple: true } },
});
const say = (text) => process.stderr.write(`${text}\n`);

const unknown = positionals.filter((name) => !Object.hasOwn(cases, name));
if (unknown.length > 0) {
  say(`interop: no case ${unknown.join(", ")}; there are: ${Object.keys(cases).join(", ")}`);
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), "attune-interop-"));
const environment = await ensureEnvironment({ log: say });

/** Language models only: a reward model is made of each. */
function goldenModels() {
  if (!existsSync(golden)) {
    say(`interop: only the two models made here, because ${golden} is not there (ATTUNE_GOLDEN)`);
    return [];
  }
  return readdirSync(golden)
    .filter((name) => !name.endsWith("_reward"))
    .map((name) => [name, join(golden, name)]);
}

async function allModels() {
  const made = [];
  for (const shape of ["tiny-llama", "tiny-qwen2"]) made.push([shape, join(scratch, "models", shape)]);
  const all = [...made, ...goldenModels()];
  const wanted = values.model ?? all.map(([name]) => name);
  const absent = wanted.filter((name) => !all.some(([known]) => known === name));
  if (absent.length > 0) {
    say(`interop: no model ${absent.join(", ")}; there are: ${all.map(([name]) => name).join(", ")}`);
    return undefined;
  }
  const chosen = all.filter(([name]) => wanted.includes(name));
  for (const [shape, folder] of chosen) {
    if (made.some(([name]) => name === shape))
      await runPeer(environment, "make_model.py", { options: { shape, folder }, threads: 1 });
  }
  return chosen;
}

function print(line) {
  if (values.json) return console.log(JSON.stringify(line));
  const difference = line.difference === null ? "-" : line.difference.toExponential(1);
  console.log(
    `${line.model.padEnd(24)}${line.case.padEnd(16)}${difference.padStart(9)}  ${line.ok ? "ok" : `FAILED  ${line.why}`}`,
  );
}

async function main() {
  let failed = 0;
  let count = 0;
  const models = await allModels();
  if (models === undefined) return 2;
  const peer = startPeer(environment, { scratch });
  if (!values.json) console.log(`${"model".padEnd(24)}${"case".padEnd(16)}${"worst".padStart(9)}`);
  for (const [model, folder] of models) {
    for (const name of positionals.length > 0 ? positionals : Object.keys(cases)) {
      const own = join(scratch, `${model}-${name}`);
      mkdirSync(own);
      const context = await contextOf(folder, { peer, scratch: own });
      const result = await runCase(name, { context, tolerance });
      rmSync(own, { recursive: true });
      print({ model, case: name, ...result });
      count += 1;
      if (!result.ok) failed += 1;
    }
  }
  peer.close();
  say(`interop: ${count - failed} of ${count} cases agree within ${tolerance}`);
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} finally {
  await backend.close();
  rmSync(scratch, { recursive: true, force: true });
}
