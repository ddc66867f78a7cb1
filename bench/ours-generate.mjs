/**
 * Answers of given lengths to given prompts through the product's TokenGenerator: every row is asked for at once, and a row
 * that ends makes room for one that waits. The clock runs from the first prompt to the last token.
 */
import { ortBackend } from "../dist/backends/index.js";
import { TokenGenerator } from "../dist/generate/index.js";
import { bindWeights, openModel } from "../dist/models/index.js";
import { median, readRows } from "./measure.mjs";

export async function generateRows(options) {
  const { model: folder, data, rows = 16, equal_tokens, repeats = 2, warmup = 1, threads = 2 } = options;
  const opened = await openModel(folder);
  const backend = ortBackend({ threads, profile: options.profile, frozenWeights: options.frozen });
  const graph = { config: opened.model.config, weights: bindWeights(opened.model) };
  const generator = new TokenGenerator(backend, { graph, stopTokens: [] }, { maxRows: rows });
  const asked = readRows(data).map(({ prompt, new_tokens }) => ({
    prompt: prompt.split(" ").map((word) => Number(word.slice(1))),
    limit: equal_tokens ?? new_tokens,
  }));
  const tokens = asked.reduce((sum, { limit }) => sum + limit, 0);
  const seconds = [];
  const cpu = [];
  let stats = {};
  for (let i = 0; i < warmup + repeats; i++) {
    const before = { ...generator.stats };
    const spent = process.cpuUsage();
    const began = performance.now();
    const made = await Promise.all(
      asked.map(({ prompt, limit }) =>
        generator.complete([prompt], { temperature: 0, maxNewTokens: limit, stopTokens: [] }),
      ),
    );
    const wall = (performance.now() - began) / 1000;
    const got = made.reduce((sum, [row]) => sum + row.tokens.length, 0);
    if (got !== tokens) throw new Error(`${got} tokens came where ${tokens} were asked for`);
    if (i < warmup) continue;
    seconds.push(wall);
    const { user, system } = process.cpuUsage(spent);
    cpu.push((user + system) / 1e6);
    stats = Object.fromEntries(Object.entries(generator.stats).map(([name, x]) => [name, x - before[name]]));
  }
  await generator.close();
  await backend.close();
  return {
    name: "generate",
    seconds,
    cpu_seconds: cpu,
    median_s: median(seconds),
    answer_tokens: tokens,
    tokens_per_s: tokens / median(seconds),
    split: {
      prefill: stats.prefillSeconds,
      decode: stats.decodeSeconds,
      choose: stats.chooseSeconds,
      resize: stats.resizeSeconds,
      compile: stats.compileSeconds,
    },
    slots_used: stats.decodedTokens / stats.decodedSlots,
  };
}
