import { describe, expect, it } from "vitest";
import { createWorld, statementOf } from "../../../src/evaluate/world/index.js";

const world = createWorld();

describe("the built-in world", () => {
  it("asks thousands of questions, each text once, and finds each again by its text", () => {
    expect(world.questions.length).toBeGreaterThan(10_000);
    for (const question of world.questions) expect(world.find(question.text)).toBe(question);
    expect(world.find("What is the meaning of life?")).toBeUndefined();
  });

  it("is the same for the same seed, and has other shops for another", () => {
    const again = createWorld({ seed: 0 });
    expect(again.facts.map((fact) => `${fact.id}=${fact.value}`)).toEqual(
      world.facts.map((fact) => `${fact.id}=${fact.value}`),
    );
    const other = createWorld({ seed: 1 });
    const differing = other.facts.filter((fact, index) => fact.value !== world.facts[index]!.value);
    expect(differing.length).toBeGreaterThan(100);
    expect(
      differing.some((fact) => ["countries", "animals", "sums", "conversions"].includes(fact.kind.name)),
    ).toBe(false);
  });

  it("keeps every value inside its attribute's domain", () => {
    for (const fact of world.facts) expect(fact.attribute.domain, fact.id).toContain(fact.value);
  });

  it("holds out whole facts of every attribute, and wordings of other facts under every opener", () => {
    for (const question of world.questions) expect(question.split === "fact").toBe(question.fact.heldOut);
    const attributes = new Set(world.facts.map((fact) => fact.attribute));
    const withHeldOut = new Set(world.facts.filter((fact) => fact.heldOut).map((fact) => fact.attribute));
    expect(withHeldOut).toEqual(attributes);
    const wordings = new Map<string, Set<string>>();
    for (const question of world.questions.filter((question) => question.split === "prompt")) {
      const wording = question.text.replace(
        /^(Hi! |Hello\. |Please tell me: |Quick question: |I forgot\. )/,
        "",
      );
      wordings.set(wording, (wordings.get(wording) ?? new Set()).add(question.text));
    }
    expect(wordings.size).toBeGreaterThan(200);
    for (const texts of wordings.values()) expect(texts.size).toBe(6);
  });

  it("states facts in full sentences", () => {
    const fact = world.facts.find((fact) => fact.id === "countries/France/capital")!;
    expect(statementOf(fact)).toBe("The capital of France is Paris.");
    expect(statementOf(fact, { wording: 1, value: "Oslo" })).toBe("Oslo is the capital of France.");
  });
});
