/** Who agrees with whom, from counts of pairs. */
import { describe, expect, it } from "vitest";
import { agreementMatrix, type SharedItems, wilsonInterval } from "../../src/stats/index.js";
import { createRandom } from "../../src/util/random.js";

/** People who each give the common answer with their own probability, and otherwise the other one. */
function judged(chances: readonly number[], { items, seed }: { items: number; seed: number }): SharedItems[] {
  const random = createRandom(seed);
  const answers = Array.from({ length: items }, () => chances.map((p) => random.uniform() < p));
  return chances.flatMap((_, i) =>
    chances.slice(i + 1).map((__, k) => {
      const j = i + 1 + k;
      const agreed = answers.filter((row) => row[i] === row[j]).length;
      return { one: `p${i}`, other: `p${j}`, compared: items, agreed };
    }),
  );
}

describe("the agreement matrix", () => {
  it("gives each pair once with Wilson's interval, in the order of people, who agrees most first", () => {
    const shared = [
      { one: "z", other: "a", compared: 10, agreed: 9 },
      { one: "a", other: "m", compared: 20, agreed: 5 },
    ];
    const { people, pairs, overall, leftOut } = agreementMatrix(shared);
    expect(people).toEqual(["z", "a", "m"]);
    expect(overall).toBeCloseTo(14 / 30, 12);
    expect(leftOut).toBe(0);
    expect(pairs).toMatchObject([
      { one: "z", other: "a", compared: 10, agreed: 9, agreement: 0.9, ...wilsonInterval(9, 10) },
      { one: "a", other: "m", compared: 20, agreed: 5, agreement: 0.25, ...wilsonInterval(5, 20) },
    ]);
  });

  it("is the same whatever the order of pairs, and of the two in a pair", () => {
    const shared = judged([0.9, 0.8, 0.6, 0.5], { items: 50, seed: 2 });
    const turned = shared
      .map(({ one, other, ...rest }) => ({ one: other, other: one, ...rest }))
      .toReversed();
    expect(agreementMatrix(turned)).toEqual(agreementMatrix(shared));
  });

  it("marks who agrees unlike the others, and next to nobody where all are alike", () => {
    let falsely = 0;
    for (let seed = 0; seed < 40; seed += 1) {
      const { pairs } = agreementMatrix(
        judged(
          Array.from({ length: 12 }, () => 0.8),
          { items: 60, seed },
        ),
      );
      if (pairs.some(({ unlike }) => unlike !== null)) falsely += 1;
    }
    expect(falsely).toBeLessThanOrEqual(4);
    const { people, pairs } = agreementMatrix(judged([0.9, 0.9, 0.9, 0.9, 0.2], { items: 200, seed: 1 }));
    expect(people.at(-1)).toBe("p4");
    for (const { other, unlike } of pairs) expect(unlike).toBe(other === "p4" ? "less" : "more");
  });

  it("shows those who share the most where there are too many, and counts the rest", () => {
    const shared = [
      { one: "a", other: "b", compared: 50, agreed: 25 },
      { one: "b", other: "c", compared: 40, agreed: 30 },
      { one: "c", other: "d", compared: 1, agreed: 1 },
    ];
    const { people, pairs, leftOut, overall } = agreementMatrix(shared, { most: 2 });
    expect(people.toSorted()).toEqual(["a", "b"]);
    expect(pairs).toHaveLength(1);
    expect(leftOut).toBe(2);
    expect(overall).toBeCloseTo(56 / 91, 12);
  });

  it("is empty without pairs and without common items, and refuses counts that are none", () => {
    const empty = { people: [], pairs: [], overall: null, leftOut: 0 };
    expect(agreementMatrix([])).toEqual(empty);
    expect(agreementMatrix([{ one: "a", other: "b", compared: 0, agreed: 0 }])).toEqual(empty);
    expect(() => agreementMatrix([{ one: "a", other: "b", compared: 3, agreed: 4 }])).toThrow(/4 of 3/);
    expect(() => agreementMatrix([], { level: 1 })).toThrow(/level/);
  });
});
