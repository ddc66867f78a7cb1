/** The rules of a row in the engine: distributions, independence of batch mates, what ends a row, on the golden llama. */
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { type Completion, type RequestOptions, TokenGenerator } from "../../src/generate/index.js";
import { bindWeights, openModelFolder } from "../../src/models/index.js";
import type { Backend } from "../../src/tensor/index.js";
import { checkpointConfig, golden, missing } from "../support/shared.js";

const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

const path = golden("models", "checkpoints", "llama");
const absent = missing(path);
const vocabulary = absent ? 0 : checkpointConfig("llama")["vocab_size"]!;
const prompt = [37, 46, 14, 42, 45, 4, 55];
const others = [[52, 11, 5, 3, 30], [18, 20], [7]];

const open: TokenGenerator[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

function generator(backend: Backend = backends.ort): TokenGenerator {
  const folder = openModelFolder(path);
  const engine = new TokenGenerator(backend, {
    graph: { config: folder.config, weights: bindWeights(folder) },
  });
  open.push(engine);
  return engine;
}

const tokensOf = (rows: readonly Completion[]): (readonly number[])[] => rows.map(({ tokens }) => tokens);

/** log p of every next token, by asking for each: a constraint does not change what the model itself says. */
async function nextLogProbs(engine: TokenGenerator, prefix: readonly number[]): Promise<number[]> {
  const ask = (token: number) => engine.complete([prefix], { choices: [[token]], stopTokens: [] });
  const rows = await Promise.all(Array.from({ length: vocabulary }, (_, token) => ask(token)));
  return rows.map(([row]) => row!.logProbs[0]!);
}

function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const weights = logits.map((x) => Math.exp(x - top));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((x) => x / sum);
}

/** Upper 0.1% point of chi-square with n degrees of freedom (Wilson and Hilferty). */
const critical = (n: number): number => n * (1 - 2 / (9 * n) + 3.0902 * Math.sqrt(2 / (9 * n))) ** 3;

function chiSquare(
  counts: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
  draws: number,
): number {
  let chi = 0;
  for (const [key, p] of expected) chi += ((counts.get(key) ?? 0) - draws * p) ** 2 / (draws * p);
  return chi;
}

const countsOf = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

describe.skipIf(absent !== undefined)(`rules of a row${absent ? ` (${absent})` : ""}`, () => {
  it("draw from the analytic distribution: bias, temperature, top-k (chi-square, fixed seed)", async () => {
    const engine = generator();
    const logBias: Record<number, number> = { 3: 2, 10: -1, 60: 1.5 };
    const model = await nextLogProbs(engine, prompt);
    expect(model.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 5);
    const tempered = softmax(model.map((x, id) => (x + (logBias[id] ?? 0)) / 1.4));
    const kept = tempered
      .map((p, id) => ({ p, id }))
      .sort((a, b) => b.p - a.p)
      .slice(0, 15);
    const mass = kept.reduce((sum, { p }) => sum + p, 0);
    const draws = 4000;
    const rows = await engine.complete([prompt], {
      logitBias: logBias,
      temperature: 1.4,
      topK: 15,
      maxNewTokens: 1,
      stopTokens: [],
      seed: 5,
      samples: draws,
    });
    const expected = new Map(kept.map(({ p, id }) => [String(id), p / mass]));
    const counts = countsOf(rows.map(({ tokens }) => String(tokens[0])));
    expect([...counts.keys()].filter((key) => !expected.has(key))).toEqual([]);
    expect(chiSquare(counts, expected, draws)).toBeLessThan(critical(14));
    for (const { tokens, logProbs, drawLogProbs } of rows.slice(0, 50)) {
      expect(logProbs[0]).toBeCloseTo(model[tokens[0]!]!, 5);
      expect(Math.exp(drawLogProbs[0]!)).toBeCloseTo(expected.get(String(tokens[0]))!, 5);
    }
  });

  it("draw whole answers from the analytic distribution: a penalty on what was said (chi-square, fixed seed)", async () => {
    const engine = generator();
    const allowed = [3, 9, 30, 41];
    // A choice of every answer of two of these tokens.
    const choices = allowed.flatMap((a) => allowed.map((b) => [a, b]));
    const first = await nextLogProbs(engine, prompt);
    const expected = new Map<string, number>();
    const p = softmax(allowed.map((id) => first[id]!));
    for (const [i, a] of allowed.entries()) {
      const second = await nextLogProbs(engine, [...prompt, a]);
      const q = softmax(allowed.map((id) => second[id]! - (id === a ? 1.2 : 0)));
      allowed.forEach((b, k) => expected.set(`${a},${b}`, p[i]! * q[k]!));
    }
    const draws = 4000;
    const rows = await engine.complete([prompt], {
      choices,
      presencePenalty: 0.7,
      frequencyPenalty: 0.5,
      stopTokens: [],
      seed: 8,
      samples: draws,
    });
    expect(rows.every(({ finishReason }) => finishReason === "stop")).toBe(true);
    const counts = countsOf(rows.map(({ tokens }) => tokens.join()));
    expect(chiSquare(counts, expected, draws)).toBeLessThan(critical(15));
  });

  for (const [kind, backend] of Object.entries(backends)) {
    it(`give a row the same text whatever the rules of its batch mates on ${kind}`, async () => {
      const plain: RequestOptions = { temperature: 0.9, maxNewTokens: 20, seed: 3, stopTokens: [9] };
      const ruled: RequestOptions = {
        ...plain,
        repetitionPenalty: 1.3,
        frequencyPenalty: 0.4,
        logitBias: { 12: 1 },
        minNewTokens: 3,
      };
      const greedy: RequestOptions = { ...plain, temperature: 0 };
      const engine = generator(backend);
      const requests = [plain, ruled, greedy, { ...ruled, temperature: 0 }];
      const together = await Promise.all(
        requests.map((options) => engine.complete([prompt, ...others], options)),
      );
      const alone = generator(backend);
      for (const [i, options] of requests.entries()) {
        expect(tokensOf(await alone.complete([prompt, ...others], options))).toEqual(tokensOf(together[i]!));
        const [one] = await alone.complete([others[1]!], { ...options, ids: ["2"] });
        expect(one!.tokens).toEqual(together[i]![2]!.tokens);
      }
      expect(tokensOf(together[1]!)).not.toEqual(tokensOf(together[0]!));
    });
  }

  it("keep a greedy row from repeating itself", async () => {
    const engine = generator();
    const options = { temperature: 0, maxNewTokens: 20, stopTokens: [] };
    const [plain] = await engine.complete([[7]], options);
    const [never] = await engine.complete([[7]], {
      ...options,
      presencePenalty: 2,
      logitBias: {},
      repetitionPenalty: 1e9,
    });
    expect(new Set(plain!.tokens).size).toBeLessThan(20);
    expect(new Set([...never!.tokens, 7]).size).toBe(21);
    expect(never!.drawLogProbs.every((x) => x === 0)).toBe(true);
  });

  it("force and forbid tokens by their bias", async () => {
    const engine = generator();
    const options = { temperature: 1, maxNewTokens: 5, stopTokens: [], samples: 4 };
    const forced = await engine.complete([prompt], { ...options, logitBias: { 42: 100 } });
    expect(tokensOf(forced)).toEqual(Array.from({ length: 4 }, () => [42, 42, 42, 42, 42]));
    // What was drawn for certain is not likely for the model itself.
    expect(forced[0]!.drawLogProbs[0]).toBeCloseTo(0, 6);
    expect(forced[0]!.logProbs[0]).toBeLessThan(-0.5);
  });

  it("say one of the choices, also greedily, and no more", async () => {
    const engine = generator();
    const choices = [
      [5, 6, 7],
      [5, 6],
      [60, 61],
    ];
    const rows = await engine.complete([prompt, ...others], {
      choices,
      stopTokens: [1],
      samples: 20,
      temperature: 2,
    });
    const said = new Set(rows.map(({ tokens }) => tokens.join()));
    expect([...said].sort()).toEqual(["5,6,1", "5,6,7", "60,61"]);
    expect(rows.every(({ finishReason }) => finishReason === "stop")).toBe(true);
    const [greedy] = await engine.complete([prompt], { choices, stopTokens: [1], temperature: 0 });
    expect(said.has(greedy!.tokens.join())).toBe(true);
  });

  it("refuse choices for which there is no room", async () => {
    const engine = generator();
    await expect(engine.complete([prompt], { choices: [[5, 6, 7]], maxNewTokens: 2 })).rejects.toThrow(
      "generate: prompt 0: choices: expected at most 2 tokens, which is all the row may say, got a choice of 3",
    );
  });

  it("end a row where its text says a stop string, keeping the tokens that say it", async () => {
    const engine = generator();
    const options = { temperature: 0, maxNewTokens: 12, stopTokens: [] };
    const [plain] = await engine.complete([prompt], options);
    const decode = (ids: readonly number[]): string => ids.map((id) => `<${id}>`).join("");
    // Lies across the border of the third and the fourth token.
    const [, , c, d] = plain!.tokens;
    const wanted = `${c}><${d}`;
    const [row] = await engine.complete([prompt], { ...options, stopStrings: ["never", wanted], decode });
    const at = decode(plain!.tokens).indexOf(wanted);
    expect(decode(row!.tokens).indexOf(wanted)).toBe(at);
    expect(row!.tokens).toEqual(plain!.tokens.slice(0, row!.tokens.length));
    expect(row!.tokens.length).toBeLessThanOrEqual(4);
    expect([row!.finishReason, row!.stopString]).toEqual(["stop", wanted]);
    expect(plain!.stopString).toBeUndefined();
    await expect(engine.complete([prompt], { stopStrings: ["x"] })).rejects.toThrow(
      "expected decode beside them",
    );
    await expect(engine.complete([prompt], { stopStrings: [""], decode })).rejects.toThrow(
      "at least one character",
    );
  });

  it("end a request when its time is over, with what its rows have said, and go on working", async () => {
    const engine = generator(backends.reference);
    const rows = await engine.complete([prompt, ...others], {
      maxTime: 0.001,
      maxNewTokens: 100,
      stopTokens: [],
    });
    expect(rows.map(({ finishReason }) => finishReason)).toEqual(["time", "time", "time", "time"]);
    expect(rows.every(({ tokens }) => tokens.length < 100)).toBe(true);
    const [after] = await engine.complete([[7]], { maxTime: 1000, maxNewTokens: 2, stopTokens: [] });
    expect([after!.tokens.length, after!.finishReason]).toEqual([2, "length"]);
  });
});
