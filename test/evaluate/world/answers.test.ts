import { describe, expect, it } from "vitest";
import {
  answerFeatures,
  createWorld,
  demonstrationRates,
  drawStyle,
  mixedRates,
  readClaim,
  writeAnswer,
} from "../../../src/evaluate/world/index.js";
import { createRandom } from "../../../src/util/random.js";

const world = createWorld();
const fact = (id: string) => world.facts.find((fact) => fact.id === id)!;

describe("written answers", () => {
  it("show exactly the qualities they were asked for, whatever the question", () => {
    const random = createRandom(1, { stream: "answers" });
    for (let round = 0; round < 2000; round++) {
      const question = world.questions[random.integer(world.questions.length)]!;
      const style = drawStyle(random);
      if (style.ending === "breaks off") style.ending = "clean";
      const answer = writeAnswer(question.fact, style, random);
      const features = answerFeatures(question.fact, answer);
      const seen = {
        claim: features.claim,
        hedged: features.hedges > 0,
        robotic: features.robotic > 0,
        warm: features.warmth > 0,
        repeats: features.repetition > 0.05,
        gibberish: features.gibberish,
        unfinished: features.unfinished,
      };
      expect({ answer, ...seen }).toEqual({
        answer,
        claim: style.correct ? "right" : "wrong",
        hedged: style.hedged,
        robotic: style.robotic,
        warm: style.warm,
        repeats: style.ending === "repeats",
        gibberish: 0,
        unfinished: 0,
      });
    }
  });

  it("break off without a full stop, and never at the end", () => {
    const random = createRandom(2, { stream: "answers" });
    for (let round = 0; round < 500; round++) {
      const question = world.questions[random.integer(world.questions.length)]!;
      const answer = writeAnswer(question.fact, { ...drawStyle(random), ending: "breaks off" }, random);
      expect(answerFeatures(question.fact, answer).unfinished, answer).toBe(1);
    }
  });

  it("draw each quality at its rate", () => {
    const random = createRandom(3, { stream: "answers" });
    const count = 20_000;
    const shareOf = (rates: typeof mixedRates) => {
      const styles = Array.from({ length: count }, () => drawStyle(random, rates));
      const share = (test: (style: (typeof styles)[number]) => boolean) => styles.filter(test).length / count;
      return {
        wrong: share((style) => !style.correct),
        padded: share((style) => style.padding > 0),
        hedged: share((style) => style.hedged),
        robotic: share((style) => style.robotic),
        warm: share((style) => style.warm),
        repeats: share((style) => style.ending === "repeats"),
        breaksOff: share((style) => style.ending === "breaks off"),
      };
    };
    for (const rates of [mixedRates, demonstrationRates]) {
      const seen = shareOf(rates);
      for (const name of Object.keys(rates) as (keyof typeof rates)[]) {
        expect(Math.abs(seen[name] - rates[name]), name).toBeLessThan(0.015);
      }
    }
  });
});

describe("reading a claim", () => {
  const cases: [string, string, string][] = [
    ["countries/France/capital", "Paris.", "right"],
    ["countries/France/capital", "paris", "none"],
    ["countries/France/capital", "Rome", "wrong"],
    ["countries/France/capital", "Paris or Rome, Oslo, Athens", "mixed"],
    ["countries/France/capital", "The capital of Italy is Paris.", "mixed"],
    ["countries/France/capital", "The capital of Italy is", "wrong"],
    ["countries/France/capital", "Parisian food is good.", "none"],
    ["animals/spiders/cover", "The body of spiders is covered with fine hair.", "right"],
    ["animals/camels/cover", "Fine hair.", "wrong"],
    ["animals/camels/cover", "Camels have hair on their body. Yes, hair.", "right"],
    ["sums/3 plus 4/result", "7", "right"],
    ["sums/3 plus 4/result", "3 plus 4 is 7.", "right"],
    ["sums/3 plus 4/result", "4 plus 3 makes 7! 3 plus 4 is 7.", "right"],
    ["sums/3 plus 4/result", "3 plus 4 is 8.", "wrong"],
    ["sums/3 plus 4/result", "3 plus 5 is 7.", "mixed"],
    ["sums/3 plus 4/result", "5 6 7 8 9", "mixed"],
    ["sums/3 plus 4/result", "3 plus 4 is", "none"],
    ["sums/9 minus 4/result", "9 minus 4 is 4.", "wrong"],
    ["sums/2 times 2/result", "2 times 2 is 4.", "right"],
    ["sums/3 plus 4/result", "17", "wrong"],
    ["conversions/3 hours/equals", "There are 180 minutes in 3 hours.", "right"],
    ["conversions/3 hours/equals", "180", "right"],
    ["conversions/3 hours/equals", "3 hours is 180 days.", "wrong"],
    ["conversions/3 hours/equals", "3 hours is 200 minutes.", "wrong"],
  ];
  it.each(cases)("%s: %j is %s", (id, answer, claim) => {
    expect(readClaim(fact(id), answer)).toBe(claim);
  });

  it("takes any text at all", () => {
    const random = createRandom(4, { stream: "noise" });
    const letters = [
      "a",
      " ",
      "\n",
      ".",
      "7",
      "\u0000",
      "\ud800",
      "🙂",
      "<|end|>",
      "é",
      "(",
      "\\",
      "$&",
      "The",
    ];
    for (let round = 0; round < 300; round++) {
      const text = Array.from(
        { length: random.integer(40) },
        () => letters[random.integer(letters.length)],
      ).join("");
      for (const some of [world.facts[round]!, fact("sums/3 plus 4/result")]) {
        const features = answerFeatures(some, text);
        for (const [name, value] of Object.entries(features)) {
          if (name !== "claim")
            expect(Number.isFinite(value), `${name} of ${JSON.stringify(text)}`).toBe(true);
        }
      }
    }
  });
});
