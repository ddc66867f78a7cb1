import { describe, expect, it } from "vitest";
import {
  builtInAnnotators,
  commonTaste,
  createWorld,
  drawAnnotators,
  judge,
  tasteOfPeople,
  utility,
  type SimulatedAnnotator,
} from "../../../src/evaluate/world/index.js";
import { createRandom } from "../../../src/util/random.js";

const world = createWorld();
const question = world.find("What is the capital of France?")!;
const good = "Happy to help! The capital of France is Paris.";
const wrong = "The capital of France is Rome.";
const plain: SimulatedAnnotator = {
  id: "plain",
  character: "Bradley-Terry as written",
  taste: commonTaste,
  temperature: 1,
  ties: 0,
  leftLean: 0,
  inattention: 0,
};

function shares(annotator: SimulatedAnnotator, a: string, b: string, count = 6000) {
  const random = createRandom(7, { stream: "judge" });
  const judgements = Array.from({ length: count }, () => judge(annotator, { question, a, b }, { random }));
  const share = (test: (judgement: (typeof judgements)[number]) => boolean) =>
    judgements.filter(test).length / count;
  return {
    a: share(({ winner }) => winner === "a"),
    tie: share(({ winner }) => winner === "tie"),
    aShownLeft: share(({ shownOrder }) => shownOrder[0] === "a"),
    left: share(({ winner, shownOrder }) => winner === shownOrder[0]),
    strong: share(({ strength }) => strength === 3),
  };
}

describe("true utility", () => {
  it("ranks answers as a person would", () => {
    const ranked = [
      good,
      "The capital of France is Paris.",
      "I think it might be that the capital of France is Paris.",
      "As an AI language model, I have no personal experience. I would guess that the capital of France is Paris.",
      wrong,
      "As an AI language model, I have no personal experience. The capital of France is Rome. End of",
      "Rome Rome Rome Rome Rome Rome Rome zxq vv qqq",
    ];
    const utilities = ranked.map((answer) => utility(question, answer));
    expect(utilities).toEqual([...utilities].sort((a, b) => b - a));
    expect(utility(question, "")).toBeLessThan(utility(question, wrong));
  });

  it("of the people is the mean of the people's", () => {
    for (const answer of [good, wrong, ""]) {
      const each = builtInAnnotators.map(({ taste }) => utility(question, answer, taste));
      expect(utility(question, answer, tasteOfPeople())).toBeCloseTo(
        each.reduce((a, b) => a + b) / each.length,
        12,
      );
    }
    expect(() => tasteOfPeople([])).toThrow(/at least one annotator/);
  });
});

describe("a simulated annotator", () => {
  it("prefers by Bradley-Terry: the share of wins is the logistic of the difference", () => {
    const difference = utility(question, "The capital of France is Paris.") - utility(question, good);
    const expected = 1 / (1 + Math.exp(-difference));
    expect(Math.abs(shares(plain, "The capital of France is Paris.", good).a - expected)).toBeLessThan(0.02);
    expect(shares({ ...plain, temperature: 1e9 }, good, wrong).a).toBeCloseTo(0.5, 1);
  });

  it("ties equal answers at Davidson's rate ν / (2 + ν)", () => {
    const seen = shares({ ...plain, ties: 0.3 }, good, good);
    expect(Math.abs(seen.tie - 0.3 / 2.3)).toBeLessThan(0.015);
  });

  it("sees each answer on either side equally often, and leans only if told to", () => {
    const fair = shares(plain, good, good);
    expect(Math.abs(fair.aShownLeft - 0.5)).toBeLessThan(0.02);
    expect(Math.abs(fair.left - 0.5)).toBeLessThan(0.02);
    const leaning = shares({ ...plain, leftLean: 1 }, good, good);
    expect(Math.abs(leaning.left - 1 / (1 + Math.exp(-1)))).toBeLessThan(0.02);
  });

  it("feels large differences more strongly, and does not overflow on absurd ones", () => {
    expect(shares(plain, good, wrong).strong).toBeGreaterThan(shares(plain, good, good).strong + 0.5);
    expect(shares({ ...plain, taste: { ...commonTaste, correctness: 1e6 } }, good, wrong, 100).a).toBe(1);
  });

  it("agrees with others more than chance, and less than always", () => {
    const random = createRandom(9, { stream: "agree" });
    const crowd = [...builtInAnnotators, ...drawAnnotators(3, random)];
    let same = 0;
    const count = 3000;
    for (let round = 0; round < count; round++) {
      const [first, second] = random.shuffle([...crowd]);
      const votes = [first!, second!].map(
        (person) => judge(person, { question, a: good, b: wrong }, { random }).winner,
      );
      if (votes[0] === votes[1]) same++;
    }
    expect(same / count).toBeGreaterThan(0.6);
    expect(same / count).toBeLessThan(0.97);
  });
});
