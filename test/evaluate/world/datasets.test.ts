import { describe, expect, it } from "vitest";
import { Demonstration, Item, Judgement, Preference } from "../../../src/records/index.js";
import {
  answerPairs,
  collectJudgements,
  corpusDocuments,
  createWorld,
  demonstrationRates,
  demonstrations,
  drawQuestions,
  judgedRecords,
  mixedRates,
  preferenceRows,
  statementOf,
  tasteOfPeople,
  utility,
} from "../../../src/evaluate/world/index.js";

const world = createWorld();
const taste = tasteOfPeople();
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("the corpus", () => {
  const documents = [...corpusDocuments(world, { characters: 1_500_000 })];
  const asked = documents.flatMap((document) =>
    document.type === "chat"
      ? document.messages.filter(({ role }) => role === "user").map(({ content }) => content)
      : [],
  );
  const texts = documents.flatMap((document) => (document.type === "text" ? [document.text] : []));

  it("is the same for the same seed, and a longer one begins with the shorter one", () => {
    const short = [...corpusDocuments(world, { characters: 10_000 })];
    expect(short).toEqual(documents.slice(0, short.length));
    expect([...corpusDocuments(world, { characters: 10_000, seed: 1 })]).not.toEqual(short);
  });

  it("asks no question that is held out", () => {
    const splits = new Set(asked.map((text) => world.find(text)?.split));
    expect([...splits].sort()).toEqual(["train", undefined]);
  });

  it("states every fact, the held-out ones too, and only true ones outside the chats", () => {
    const stated = new Set(texts.flatMap((text) => text.split(/(?<=\.) /)));
    const possible = new Set<string>();
    for (const fact of world.facts) {
      const wordings = fact.attribute.statements.map((_, wording) => statementOf(fact, { wording }));
      for (const wording of wordings) possible.add(wording);
      expect(
        wordings.some((wording) => stated.has(wording)),
        fact.id,
      ).toBe(true);
    }
    for (const sentence of stated) expect(possible.has(sentence), sentence).toBe(true);
  });

  it("refuses a length of nothing", () => {
    expect(() => [...corpusDocuments(world, { characters: 0 })]).toThrow(/a number > 0, got 0/);
  });
});

describe("the data sets", () => {
  it("demonstrate better than the mixture, and worse than the best", () => {
    const utilities = (rates: typeof mixedRates) =>
      demonstrations(world, { count: 1500, rates }).map(({ prompt, completion }) =>
        utility(world.find(prompt[0]!.content)!, completion[0]!.content, taste),
      );
    const best = mean(
      drawQuestions(world, { count: 1500 }).map((question) =>
        utility(question, `Sure thing! ${statementOf(question.fact)}`, taste),
      ),
    );
    const demonstrated = mean(utilities(demonstrationRates));
    expect(demonstrated).toBeGreaterThan(mean(utilities(mixedRates)) + 0.7);
    expect(demonstrated).toBeLessThan(best - 0.7);
  });

  it("keep the splits apart and draw no question twice", () => {
    for (const splits of [["train"], ["prompt"], ["fact"], ["prompt", "fact"]] as const) {
      const questions = drawQuestions(world, { count: 300, splits });
      expect(new Set(questions).size).toBe(300);
      for (const question of questions) expect(splits).toContain(question.split);
    }
    expect(() => drawQuestions(world, { count: 1e6 })).toThrow(/a whole number from 0 to \d+/);
  });

  it("prefer, by majority, the answer that is truly better far more often than not", () => {
    const judged = collectJudgements(answerPairs(world, { count: 1000 }));
    for (const { judgements, a, b } of judged) {
      expect(new Set(judgements.map(({ annotator }) => annotator)).size).toBe(3);
      expect(a).not.toBe(b);
    }
    const { rows, undecided } = preferenceRows(judged);
    expect(rows.length + undecided).toBe(1000);
    const better = rows.filter(({ prompt, chosen, rejected }) => {
      const question = world.find(prompt[0]!.content)!;
      return utility(question, chosen[0]!.content, taste) > utility(question, rejected[0]!.content, taste);
    });
    expect(better.length / rows.length).toBeGreaterThan(0.78);
    expect(better.length / rows.length).toBeLessThan(0.95);
    for (const { votes } of rows) expect(votes).toBeGreaterThan(0.5);
  });

  it("fit the shared records, and tell strength from the side that was shown first", () => {
    const judged = collectJudgements(answerPairs(world, { count: 50 }));
    const { items, judgements } = judgedRecords(judged);
    for (const item of items) Item.parse(item);
    for (const judgement of judgements) {
      const { outcome, shown_order, strength } = Judgement.parse(judgement);
      const chosen = outcome?.type === "pair" ? outcome.chosen : undefined;
      if (chosen === null) expect(strength).toBe(0);
      else expect(Math.sign(strength!)).toBe(chosen === shown_order![0] ? -1 : 1);
    }
    expect(new Set(judgements.map(({ id }) => id)).size).toBe(150);
    for (const row of preferenceRows(judged).rows) {
      const { votes, ...columns } = row;
      Preference.parse({ ...columns, extra: { votes } });
    }
    for (const row of demonstrations(world, { count: 20 })) Demonstration.parse({ id: "row", ...row });
  });

  it("refuse more judges a pair than there are people", () => {
    expect(() => collectJudgements([], { perPair: 6 })).toThrow(/from 1 to 5/);
  });
});
