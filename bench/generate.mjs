/**
 * Decoding with a random model at the SmolLM2-135M shape: tokens a second at several numbers of rows, greedy and sampled,
 * and with continuous batching over ragged lengths, with the split of time. `npm run build` first.
 *
 *     node bench/generate.mjs [--rows 1,16,64] [--prompt 128] [--new 64] [--repeats 3] [--threads 2] [--prepack true|false]
 *                        [--ragged] [--folder FOLDER] [--temperature 0]
 */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ortBackend } from "../dist/backends/index.js";
import { TokenGenerator } from "../dist/generate/index.js";
import { bindWeights, openModelFolder, writeRandomModel } from "../dist/models/index.js";
import { createRandom } from "../dist/util/random.js";

const { values: o } = parseArgs({
  options: {
    rows: { type: "string", default: "1,16,64" },
    prompt: { type: "string", default: "128" },
    new: { type: "string", default: "64" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    prepack: { type: "string" },
    temperature: { type: "string", default: "0" },
    ragged: { type: "boolean", default: false },
    folder: { type: "string", default: join(tmpdir(), "attune-smollm2-135m-f32") },
  },
});
const shape = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  num_hidden_layers: 30,
  hidden_size: 576,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  intermediate_size: 1536,
  vocab_size: 49152,
  tie_word_embeddings: true,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  hidden_act: "silu",
};
if (!existsSync(o.folder)) await writeRandomModel(o.folder, shape, { dtype: "F32" });
const folder = openModelFolder(o.folder);
const backend = ortBackend({ threads: Number(o.threads) });
const model = { graph: { config: folder.config, weights: bindWeights(folder) } };
const random = createRandom(0, { stream: "bench" });
const prompts = (count) =>
  Array.from({ length: count }, () =>
    Array.from({ length: Number(o.prompt) }, () => 3 + random.integer(49000)),
  );
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];

for (const rows of o.rows.split(",").map(Number)) {
  const options = { maxRows: rows, ...(o.prepack && { prepack: o.prepack === "true" }) };
  const generator = new TokenGenerator(backend, model, options);
  const runs = [];
  for (let repeat = 0; repeat <= Number(o.repeats); repeat++) {
    const before = { ...generator.stats };
    const cpu = process.cpuUsage();
    const began = performance.now();
    const request = { temperature: Number(o.temperature), stopTokens: [], seed: repeat };
    if (o.ragged) {
      // Four times as many rows as slots, of 1 to `new` tokens.
      const each = prompts(4 * rows).map((prompt) =>
        generator.complete([prompt], { ...request, maxNewTokens: 1 + random.integer(Number(o.new)) }),
      );
      await Promise.all(each);
    } else await generator.complete(prompts(rows), { ...request, maxNewTokens: Number(o.new) });
    const wall = (performance.now() - began) / 1000;
    const spent = process.cpuUsage(cpu);
    const delta = Object.fromEntries(Object.entries(generator.stats).map(([k, v]) => [k, v - before[k]]));
    // The first run makes the programs.
    if (repeat > 0) runs.push({ ...delta, wall, cpu: (spent.user + spent.system) / 1e6 });
    else console.error(`rows ${rows}: programs made in ${delta.compileSeconds.toFixed(2)} s`);
  }
  const of = (value) => Number(median(runs.map(value)).toPrecision(4));
  console.log(
    JSON.stringify({
      rows,
      ragged: o.ragged,
      tokens_per_s: of((r) => r.decodedTokens / (r.decodeSeconds + r.chooseSeconds)),
      best_tokens_per_s: Number(
        Math.max(...runs.map((r) => r.decodedTokens / (r.decodeSeconds + r.chooseSeconds))).toPrecision(4),
      ),
      whole_tokens_per_s: of((r) => (r.decodedTokens * Number(o.new)) / (Number(o.new) - 1) / r.wall),
      prefill_tokens_per_s: of((r) => r.promptTokens / r.prefillSeconds),
      slots_used: of((r) => r.decodedTokens / r.decodedSlots),
      seconds: {
        wall: of((r) => r.wall),
        cpu: of((r) => r.cpu),
        prefill: of((r) => r.prefillSeconds),
        decode: of((r) => r.decodeSeconds),
        choose: of((r) => r.chooseSeconds),
        resize: of((r) => r.resizeSeconds),
        compile: of((r) => r.compileSeconds),
      },
      resident_mb: Math.round(process.memoryUsage.rss() / 1e6),
    }),
  );
  await generator.close();
}
await backend.close();
