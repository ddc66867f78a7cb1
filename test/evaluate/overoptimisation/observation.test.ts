/** One look at answers: means, errors between prompts, words said again, what the best answers are, and hints. */
import { describe, expect, it } from "vitest";
import {
  distinctNGrams,
  judgeSeries,
  observeAnswers,
  type ObservedAnswer,
} from "../../../src/evaluate/index.js";
import { createRandom } from "../../../src/util/random.js";

const answer = (o: Partial<ObservedAnswer>): ObservedAnswer => ({
  prompt: "p",
  text: "a b c",
  proxy: 0,
  kl: 0,
  tokens: 4,
  ended: true,
  entropy: 2,
  ...o,
});

describe("an observation", () => {
  it("has the mean of every measure, with the error between prompts", () => {
    const look = observeAnswers(
      [
        answer({ prompt: "p", proxy: 1, gold: 3, members: [0, 2], kl: 0.5, tokens: 2, entropy: 1 }),
        answer({ prompt: "p", proxy: 3, gold: 1, members: [1, 1], kl: 1.5, ended: false }),
        answer({ prompt: "q", proxy: 4, gold: 2, members: [2, 4], kl: 1 }),
        answer({ prompt: "q", proxy: 4, gold: 2, members: [2, 4], kl: 1 }),
      ],
      { step: 7, deviations: 2 },
    );
    const m = look.measures;
    expect(look).toMatchObject({ step: 7, answers: 4, prompts: 2 });
    expect(m.proxy).toEqual({ mean: 3, standardError: 1, byPrompt: { p: 2, q: 4 } });
    expect(m.gold!.mean).toBe(2);
    expect(m.ensemble!.mean).toBe(2);
    expect(m.disagreement!.mean).toBeCloseTo((3 * Math.SQRT2) / 4);
    expect(m.lowerBound!.mean).toBeCloseTo(2 - (2 * 3 * Math.SQRT2) / 4);
    expect(m.kl!.mean).toBe(1);
    expect(m.truncated!.mean).toBe(0.25);
    expect(m.entropy!.mean).toBe(0.5);
    expect(look.best.map(({ proxy }) => proxy)).toEqual([4, 3]);
    expect(look.lengthCorrelation).toBeCloseTo(1);
  });
  it("leaves out answers that the reward does not apply to, and refuses what is no number", () => {
    const one = answer({ proxy: 2 });
    expect(observeAnswers([one, answer({ proxy: Number.NaN })], { step: 0 }).answers).toBe(1);
    expect(observeAnswers([one], { step: 0 }).measures.proxy!.standardError).toBeNull();
    expect(() => observeAnswers([answer({ proxy: Number.NaN })], { step: 3 })).toThrow(
      "observeAnswers: step 3: expected at least one answer with a reward",
    );
    expect(() => observeAnswers([one, answer({ kl: Infinity })], { step: 0 })).toThrow("finite numbers");
    expect(() => observeAnswers([one, answer({ gold: 1 })], { step: 0 })).toThrow(
      "for every answer or for none",
    );
  });
  it("survives JSON", () => {
    const look = observeAnswers([answer({}), answer({ prompt: "q" })], { step: 0 });
    expect(JSON.parse(JSON.stringify(look))).toEqual(look);
  });
});

describe("distinct n-grams", () => {
  it("are the different ones over all", () => {
    expect(distinctNGrams(["a b a b", "A b"], { n: 2 }).mean).toBe(2 / 4);
    expect(distinctNGrams(["a b a b", "c"], { n: 1 }).mean).toBe(3 / 5);
    expect(distinctNGrams(["a", ""], { n: 2 })).toEqual({ mean: null, standardError: null });
  });
  it("have the error of the jackknife", () => {
    const { mean, standardError } = distinctNGrams(["a b", "b c", "a b"], { n: 1 });
    // Without each of the three: 3/4, 2/4, 3/4.
    expect(mean).toBe(3 / 6);
    expect(standardError).toBeCloseTo(Math.sqrt((2 / 3) * (2 * (1 / 12) ** 2 + (1 / 6) ** 2)));
  });
});

describe("signs", () => {
  it("say how the answers changed, even where nothing is held out", () => {
    const random = createRandom(4);
    const look = (step: number, hacked: boolean) =>
      observeAnswers(
        Array.from({ length: 32 }, (_, i) => {
          const words = Array.from({ length: hacked ? 30 : 10 }, () =>
            hacked ? "very" : `word${random.integer(500)}`,
          );
          return answer({
            prompt: String(i % 16),
            text: words.join(" "),
            proxy: words.length + random.normal(),
            tokens: words.length + random.integer(3),
            entropy: hacked ? 1 : 30,
            ended: !hacked,
          });
        }),
        { step },
      );
    const { words, signs, state } = judgeSeries(Array.from({ length: 8 }, (_, i) => look(i, i > 4)));
    expect(state).toBe("blind");
    expect(signs.join("\n")).toMatch(/answers grew from 11 to 31 tokens/);
    expect(signs.join("\n")).toMatch(/100% of answers are cut off, at first 0%/);
    expect(signs.join("\n")).toMatch(/stood there before, at first 0%/);
    expect(signs.join("\n")).toMatch(/answers became alike/);
    expect(signs.join("\n")).toMatch(/entropy fell/);
    expect(words).toContain("Signs: ");
  });
});
