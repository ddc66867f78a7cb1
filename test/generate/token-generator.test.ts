/** The engine as callers see it: independence of rows, samples, limits, errors, cancellation, on the golden llama. */
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import {
  type Completion,
  type GenerationModel,
  type RequestOptions,
  TokenGenerator,
} from "../../src/generate/index.js";
import { bindWeights, expectedParameters, openModelFolder, parameterInputs } from "../../src/models/index.js";
import type { Backend, Resident } from "../../src/tensor/index.js";
import { checkpointConfig, golden, missing } from "../support/shared.js";

const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

const path = golden("models", "checkpoints", "llama");
const absent = missing(path);
const vocabulary = (): number => checkpointConfig("llama")["vocab_size"]!;
const open: TokenGenerator[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

function plainModel(): GenerationModel {
  const folder = openModelFolder(path);
  return { graph: { config: folder.config, weights: bindWeights(folder) } };
}

function generator(
  backend: Backend,
  options: ConstructorParameters<typeof TokenGenerator>[2] = {},
): TokenGenerator {
  const engine = new TokenGenerator(backend, plainModel(), options);
  open.push(engine);
  return engine;
}

const prompts = [
  [52, 11, 5, 3, 30, 29, 9, 63, 51, 53, 56, 12, 28],
  [37, 46, 14, 42, 45, 4, 55],
  [18, 20],
  [34, 15, 4, 10, 62],
  [7],
];
const sampled: RequestOptions = {
  temperature: 0.9,
  topK: 40,
  topP: 0.95,
  seed: 3,
  stopTokens: [9],
  maxNewTokens: 30,
};
const tokensOf = (rows: readonly Completion[]): (readonly number[])[] => rows.map(({ tokens }) => tokens);

describe.skipIf(absent !== undefined)(`generation${absent ? ` (${absent})` : ""}`, () => {
  for (const [kind, backend] of Object.entries(backends)) {
    it(`gives a row the same text whatever its batch mates and its slot on ${kind}`, async () => {
      const together = await generator(backend).complete(prompts, sampled);
      const few = await generator(backend, { maxRows: 2 }).complete(prompts, sampled);
      expect(tokensOf(few)).toEqual(tokensOf(together));
      const alone = generator(backend);
      for (const [i, prompt] of prompts.entries()) {
        const [row] = await alone.complete([prompt], { ...sampled, ids: [String(i)] });
        expect(row!.tokens).toEqual(together[i]!.tokens);
        row!.logProbs.forEach((v, t) => expect(v).toBeCloseTo(together[i]!.logProbs[t]!, 4));
      }
    });
  }

  const backend = backends.ort;

  it("draws other text for other seeds, samples and names", async () => {
    const engine = generator(backend);
    const options = { temperature: 1, maxNewTokens: 12, stopTokens: [] };
    const [a, b] = await engine.complete([prompts[0]!, prompts[0]!], options);
    const [c] = await engine.complete([prompts[0]!], { ...options, seed: 1 });
    const samples = await engine.complete([prompts[0]!], { ...options, samples: 3 });
    const texts = [a, b, c, ...samples.slice(1)].map((row) => row!.tokens.join());
    expect(new Set(texts).size).toBe(texts.length);
    expect(samples[0]!.tokens).toEqual(a!.tokens);
    expect(samples.map(({ prompt, sample }) => [prompt, sample])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
  });

  it("reads a prompt once for all its samples", async () => {
    const engine = generator(backend);
    await engine.complete([prompts[0]!], { samples: 8, maxNewTokens: 4 });
    expect(engine.stats.promptTokens).toBe(prompts[0]!.length);
  });

  it("fills the slots of finished rows from those that wait", async () => {
    const engine = generator(backend, { maxRows: 4 });
    const many = Array.from({ length: 20 }, (_, i) => [3 + i, 4 + i]);
    const rows = await engine.complete(many, {
      ...sampled,
      temperature: 1,
      stopTokens: [9, 11, 13, 15, 17, 19, 21],
    });
    const wide = await generator(backend).complete(many, {
      ...sampled,
      temperature: 1,
      stopTokens: [9, 11, 13, 15, 17, 19, 21],
    });
    expect(tokensOf(rows)).toEqual(tokensOf(wide));
    const { decodedTokens, decodedSlots } = engine.stats;
    expect(decodedTokens / decodedSlots).toBeGreaterThan(0.6);
  });

  // Ragged in both: prompts of 1 to 90 tokens, answers of 1 to 33.
  const ragged = Array.from({ length: 30 }, (_, i) => ({
    prompt: Array.from({ length: 1 + ((i * 37) % 90) }, (_, t) => 3 + ((i + 7 * t) % 60)),
    options: { temperature: 1, seed: i, stopTokens: [], maxNewTokens: 1 + ((i * 13) % 33) },
  }));
  const answersOf = async (engine: TokenGenerator): Promise<(readonly number[])[]> => {
    const made = ragged.map(({ prompt, options }) => engine.complete([prompt], options));
    return (await Promise.all(made)).map(([row]) => row!.tokens);
  };

  it("reads prompts ahead of the room for their rows, to the texts that they have alone", async () => {
    const alone = generator(backend);
    const expected: (readonly number[])[] = [];
    for (const { prompt, options } of ragged)
      expected.push((await alone.complete([prompt], options))[0]!.tokens);
    for (const maxRows of [3, 8]) {
      const engine = generator(backend, { maxRows });
      expect(await answersOf(engine)).toEqual(expected);
      expect(engine.stats.promptTokens).toBe(ragged.reduce((n, { prompt }) => n + prompt.length, 0));
    }
  });

  it("lets go of rows that were read ahead when their reader leaves or it is closed", async () => {
    const engine = generator(backend, { maxRows: 8 });
    const control = new AbortController();
    const lasting = { temperature: 1, stopTokens: [] };
    const kept = engine.complete(prompts.slice(0, 3), { ...lasting, maxNewTokens: 60 });
    const short = engine.complete(prompts, { ...lasting, maxNewTokens: 2 });
    const left = Array.from({ length: 12 }, (_, i) =>
      engine.complete([[5 + i]], { ...lasting, maxNewTokens: 90, signal: control.signal }),
    );
    await short;
    control.abort();
    for (const run of left) await expect(run).rejects.toMatchObject({ code: "interrupted" });
    expect((await kept).map(({ tokens }) => tokens.length)).toEqual([60, 60, 60]);
    const all = answersOf(engine);
    const closed = expect(all).rejects.toMatchObject({ code: "interrupted" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await engine.close();
    await closed;
  });

  it("gives the same bits and takes the same sizes whatever was generated before", async () => {
    const request = { temperature: 1, seed: 3, stopTokens: [9, 11, 13, 17], maxNewTokens: 40, samples: 4 };
    const rollout = async (engine: TokenGenerator) => {
      const before = { ...engine.stats };
      const rows = await engine.complete(prompts, request);
      const { decodeSteps, decodedSlots } = engine.stats;
      return { rows, steps: decodeSteps - before.decodeSteps, slots: decodedSlots - before.decodedSlots };
    };
    const fresh = await rollout(generator(backend));
    const used = generator(backend);
    // Programs of every smaller size, as a run may have them that was not interrupted.
    for (const samples of [1, 2, 4, 8, 16]) await used.complete([prompts[0]!], { ...request, samples });
    expect(await rollout(used)).toEqual(fresh);
    // It did shrink.
    expect(fresh.slots).toBeLessThan(32 * fresh.steps);
  });

  it("shares its steps between requests made at the same time, each as it would be alone", async () => {
    const engine = generator(backend);
    const requests = [sampled, { ...sampled, temperature: 0 }, { ...sampled, temperature: 2, seed: 8 }];
    const shared = await Promise.all(requests.map((options) => engine.complete(prompts, options)));
    const steps = engine.stats.decodeSteps;
    for (const [i, options] of requests.entries()) {
      expect(tokensOf(await generator(backend).complete(prompts, options))).toEqual(tokensOf(shared[i]!));
    }
    expect(steps).toBeLessThan(3 * 30);
  });

  it("says the log-probability of the model and that of the draw", async () => {
    const engine = generator(backend);
    const [greedy] = await engine.complete([prompts[0]!], {
      temperature: 0,
      maxNewTokens: 6,
      stopTokens: [],
    });
    expect(greedy!.drawLogProbs).toEqual([0, 0, 0, 0, 0, 0]);
    // The only token left by top-k 1 is the greedy one, whatever the temperature.
    const [cut] = await engine.complete([prompts[0]!], {
      temperature: 1.7,
      topK: 1,
      maxNewTokens: 6,
      stopTokens: [],
    });
    expect(cut!.tokens).toEqual(greedy!.tokens);
    cut!.drawLogProbs.forEach((v) => expect(v).toBeCloseTo(0, 12));
    cut!.logProbs.forEach((v, t) => expect(v).toBeCloseTo(greedy!.logProbs[t]!, 5));
    const [plain] = await engine.complete([prompts[0]!], { temperature: 1, maxNewTokens: 6, stopTokens: [] });
    plain!.logProbs.forEach((v, t) => expect(v).toBeCloseTo(plain!.drawLogProbs[t]!, 5));
    plain!.temperedLogProbs.forEach((v, t) => expect(v).toBeCloseTo(plain!.logProbs[t]!, 5));
    // Cut and warm: three numbers. A bias of nothing takes the way of rows with rules.
    const warm = { temperature: 1.7, topK: 5, maxNewTokens: 6, stopTokens: [], seed: 3 };
    const [bare] = await engine.complete([prompts[0]!], warm);
    const [ruled] = await engine.complete([prompts[0]!], { ...warm, logitBias: { 7: 1e-9 } });
    expect(ruled!.tokens).toEqual(bare!.tokens);
    bare!.temperedLogProbs.forEach((v, t) => {
      expect(v).toBeLessThan(bare!.drawLogProbs[t]!);
      expect(v).toBeCloseTo(ruled!.temperedLogProbs[t]!, 4);
    });
  });

  it("streams tokens that add up to the completions", async () => {
    const engine = generator(backend);
    const rows: number[][] = prompts.map(() => []);
    const ends: unknown[] = [];
    for await (const event of engine.stream(prompts, sampled)) {
      rows[event.prompt]!.push(event.token);
      if (event.finishReason) ends.push(event.finishReason);
    }
    expect(rows).toEqual(tokensOf(await engine.complete(prompts, sampled)));
    expect(ends).toHaveLength(prompts.length);
  });

  it("ends at a stop token, keeping it, or at the limit", async () => {
    const engine = generator(backend);
    const rows = await engine.complete(prompts, { ...sampled, stopTokens: [9, 41, 30, 12, 60] });
    for (const { tokens, finishReason } of rows) {
      const stops = tokens.filter((id) => [9, 41, 30, 12, 60].includes(id));
      expect(stops).toHaveLength(finishReason === "stop" ? 1 : 0);
      if (finishReason === "stop") expect(tokens.at(-1)).toBe(stops[0]);
      else expect(tokens).toHaveLength(30);
    }
  });

  it("ends a row where the context ends", async () => {
    const engine = generator(backend);
    const long = Array.from({ length: 120 }, (_, i) => 3 + (i % 60));
    const [row] = await engine.complete([long], { temperature: 0, stopTokens: [] });
    expect(row!.tokens).toHaveLength(128 - 120);
    expect(row!.finishReason).toBe("length");
  });

  it("refuses prompts that cannot be, by their number", async () => {
    const engine = generator(backend);
    const refused = (list: number[][]) => expect(engine.complete(list)).rejects;
    await refused([[5], []]).toThrow(/prompt 1: expected at least one token/);
    await refused([Array.from({ length: 128 }, () => 5)]).toThrow(
      /prompt 0: expected fewer tokens than .* 128, got 128/,
    );
    await refused([[5, 1000]]).toThrow(
      `prompt 0: expected token ids from 0 to ${vocabulary() - 1}, got 1000`,
    );
    await expect(engine.complete([[5]], { ids: ["a", "b"] })).rejects.toThrow(/ids/);
    expect(await engine.complete([])).toEqual([]);
  });

  it("refuses options out of range and unknown ones by name", async () => {
    const engine = generator(backend);
    await expect(engine.complete([[5]], { topP: 0 })).rejects.toThrow(/generate: topP/);
    await expect(engine.complete([[5]], { temperature: -1 })).rejects.toThrow(/generate: temperature/);
    await expect(engine.complete([[5]], { top_k: 3 } as RequestOptions)).rejects.toThrow(/top_k/);
    expect(() => generator(backend, { maxRows: 0 })).toThrow(/maxRows/);
  });

  it("refuses a row that does not fit the memory it may use", async () => {
    const engine = generator(backend, { maxCacheBytes: 1000 });
    await expect(engine.complete([[5, 6]])).rejects.toThrow(/maxCacheBytes/);
  });

  it("decodes fewer rows together when memory asks for it, to the same end", async () => {
    const bytes = 2 * 2 * 8 * 64 * 4 * 2; // two rows of the smallest cache: layers, k and v, kv heads, ...
    const engine = generator(backend, { maxCacheBytes: 2 * bytes });
    expect(tokensOf(await engine.complete(prompts, sampled))).toEqual(
      tokensOf(await generator(backend).complete(prompts, sampled)),
    );
  });

  it("stops when it is told to, and goes on working", async () => {
    const engine = generator(backend);
    const control = new AbortController();
    let seen = 0;
    const run = (async () => {
      for await (const _ of engine.stream(prompts, {
        temperature: 1,
        stopTokens: [],
        maxNewTokens: 100,
        signal: control.signal,
      })) {
        if (++seen === 20) control.abort();
      }
    })();
    await expect(run).rejects.toMatchObject({ code: "interrupted" });
    expect(seen).toBe(20);
    await expect(engine.complete(prompts, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "interrupted",
    });
    expect(await engine.complete([[5]], { maxNewTokens: 2, stopTokens: [] })).toHaveLength(1);
  });

  it("frees the slots of a reader who leaves", async () => {
    const engine = generator(backend, { maxRows: 2 });
    for await (const event of engine.stream([[5], [6]], { stopTokens: [], maxNewTokens: 100 })) {
      if (event.sample === 0) break;
    }
    const [row] = await engine.complete([[7]], { stopTokens: [], maxNewTokens: 5 });
    expect(row!.tokens).toHaveLength(5);
  });

  it("ends what is running when it is closed", async () => {
    const engine = new TokenGenerator(backend, plainModel());
    const run = engine.complete(prompts, { stopTokens: [], maxNewTokens: 100 });
    const expectation = expect(run).rejects.toMatchObject({ code: "interrupted" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    await engine.close();
    await expectation;
    await expect(engine.complete([[5]])).rejects.toThrow(/closed/);
  });

  it("follows the analytic distribution from the model on (chi-square, fixed seed)", async () => {
    const engine = generator(backend);
    const options = { temperature: 1.3, topK: 12, maxNewTokens: 1, stopTokens: [], seed: 2 };
    const draws = 3000;
    const rows = await engine.complete([prompts[1]!], { ...options, samples: draws });
    // The distribution, from the log-probabilities of the draws themselves.
    const byToken = new Map(rows.map(({ tokens, drawLogProbs }) => [tokens[0]!, Math.exp(drawLogProbs[0]!)]));
    expect(byToken.size).toBe(12);
    expect([...byToken.values()].reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    let chi = 0;
    for (const [token, p] of byToken) {
      const count = rows.filter(({ tokens }) => tokens[0] === token).length;
      chi += (count - draws * p) ** 2 / (draws * p);
    }
    expect(chi).toBeLessThan(31.26); // 0.1% point, 11 degrees of freedom
  });

  it("follows weights that are given at every run", async () => {
    const folder = openModelFolder(path);
    const shapes = Object.fromEntries(
      expectedParameters(folder.config).map(({ name, shape }) => [name, shape]),
    );
    const weights = bindWeights(folder, parameterInputs(shapes));
    const parameters: Record<string, Resident> = {};
    for (const [name, { file, offset, bytes, dtype, shape }] of folder.tensors) {
      parameters[name] = await backend.load({ file, offset, bytes, storage: dtype }, shape);
    }
    const engine = new TokenGenerator(backend, { graph: { config: folder.config, weights }, parameters });
    open.push(engine);
    const before = await engine.complete(prompts, sampled);
    expect(tokensOf(before)).toEqual(tokensOf(await generator(backend).complete(prompts, sampled)));
    const norm = "model.norm.weight";
    parameters[norm] = await backend.zeros({ shape: shapes[norm]!, dtype: "float32" });
    const [after] = await engine.complete([prompts[0]!], { temperature: 1, maxNewTokens: 3 });
    // Without the final norm all logits are zero.
    after!.logProbs.forEach((v) => expect(v).toBeCloseTo(-Math.log(vocabulary()), 5));
  });
});
