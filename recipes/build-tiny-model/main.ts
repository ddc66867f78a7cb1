/**
 * Makes `models/tiny`: corpus, vocabulary, and a language model trained on it with this package's own engine.
 *
 *   npm run recipe -- build-tiny-model [folder] [epochs]
 *
 * Seeded: the same machine and thread count give the same bytes.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ortBackend } from "attune/backends";
import type { Example } from "attune/data";
import { openModel, saveModelFolder, writeRandomModel } from "attune/models";
import { adamw, chain, clipByGlobalNorm, decayMatrices } from "attune/optim";
import { loadTokenizer, type Tokenizer } from "attune/text";
import { createPolicy, exampleSource, fitToEnd, sft } from "attune/train";
import { corpusOptions, tinyCorpus, tinyValidation } from "./corpus.js";
import {
  tinyConfig,
  tinyGenerationConfig,
  tinyTokenizer,
  tinyTokenizerConfig,
  vocabularySize,
} from "./model-folder.js";

const settings = {
  /** Tokens a step, padding counted. */
  maxTokens: 4096,
  rowLength: 256,
  learningRate: 4e-3,
  seed: 0,
};

async function main(folder: string, epochs: number): Promise<void> {
  const start = mkdtempSync(join(tmpdir(), "attune-tiny-"));
  const texts = [...tinyCorpus(corpusOptions)];
  await writeRandomModel(start, tinyConfig(vocabularySize), {
    seed: settings.seed,
    dtype: "F32",
    std: 0.02,
    replace: true,
  });
  writeJson(start, "tokenizer.json", tinyTokenizer(texts.flatMap((t) => t.content)));
  writeJson(start, "tokenizer_config.json", tinyTokenizerConfig());
  writeJson(start, "generation_config.json", tinyGenerationConfig());

  const tokenizer = await loadTokenizer(start);
  const train = await documents(
    tokenizer,
    texts.map((t) => t.text),
    "corpus",
  );
  const held = await documents(
    tokenizer,
    [...tinyValidation()].map((t) => t.text),
    "validation",
  );
  const opened = await openModel(start);
  const backend = ortBackend({ threads: 2 });
  const source = (examples: Example[]) =>
    exampleSource(examples, {
      plan: { maxTokens: settings.maxTokens, seed: settings.seed, rows: { length: settings.rowLength } },
      layout: { length: settings.rowLength, rows: settings.maxTokens / settings.rowLength },
    });
  const trainer = sft({
    policy: createPolicy(opened, { seed: settings.seed }),
    train: source(train),
    evaluation: source(held),
  });
  const began = performance.now();
  const result = await fitToEnd(trainer, {
    backend,
    epochs,
    learningRate: settings.learningRate,
    schedule: "cosine",
    warmup: 0.02,
    optimizer: chain(clipByGlobalNorm(1), adamw({ beta2: 0.95, weightDecay: 0.1, decay: decayMatrices })),
    evalSteps: 500,
    detailSteps: 0,
    onStep: ({ step, totalSteps, metrics, evaluation, graphs, tokens, seconds }) => {
      if (step % 50 !== 0 && !evaluation) return;
      const rate = Math.round(tokens / seconds);
      const elapsed = Math.round((performance.now() - began) / 1000);
      const held = evaluation ? `, held-out ${evaluation.metrics["eval_loss"]!.toFixed(4)}` : "";
      console.log(
        `${step}/${totalSteps} loss ${metrics["loss"]!.toFixed(4)}${held}, ${rate} tokens/s, ${graphs} graphs, ${elapsed} s`,
      );
    },
  });
  await backend.close();
  const finished = join(start, "finished");
  await saveModelFolder(finished, opened.model, { parameters: result.parameters, dtype: "BF16" });
  mkdirSync(folder, { recursive: true });
  cpSync(finished, folder, { recursive: true });
  rmSync(start, { recursive: true });
}

function writeJson(folder: string, name: string, value: unknown): void {
  writeFileSync(join(folder, name), `${JSON.stringify(value)}\n`);
}

/** One example a document, ended by `<|endoftext|>`; the layout packs several into a row, blind to each other. */
async function documents(tokenizer: Tokenizer, texts: readonly string[], name: string): Promise<Example[]> {
  const encoded = await tokenizer.encodeBatch([...texts]);
  const end = tokenizer.tokenToId("<|endoftext|>")!;
  return encoded.map((ids, i) => ({
    id: `${name}:${i}`,
    prompt: [],
    completions: [{ tokens: [...ids, end] }],
  }));
}

const [folder = "models/tiny", epochs = "12"] = process.argv.slice(2);
await main(resolve(folder), Number(epochs));
