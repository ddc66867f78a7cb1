/**
 * Draws the world: every fact, which of them are held out, and every question with its split.
 * Knows nothing of answers. Real facts (countries, animals) and sums never change; the rest depends on the seed.
 */
import { createRandom, type Random } from "../../util/random.js";
import { happens, pick } from "./chance.js";
import { conversions, dishes, sums, sumValues, unitValues } from "./kind-kitchen.js";
import { animals, countries, realValue } from "./kind-nature.js";
import { people, shops } from "./kind-town.js";
import type { Attribute, Fact, Kind, Question, Split, World } from "./schema.js";

export const kinds: readonly Kind[] = [shops, people, countries, animals, dishes, sums, conversions];

/** What may stand before a question. The empty one is the most common. */
export const openers: readonly string[] = [
  "",
  "Hi! ",
  "Hello. ",
  "Please tell me: ",
  "Quick question: ",
  "I forgot. ",
];

const heldOutFactRate = 0.1;
const heldOutWordingRate = 0.15;

/** The world that the built-in model was trained on. Another seed gives other shops, people and dishes. */
export const builtInSeed = 0;

export function createWorld(options: { seed?: number } = {}): World {
  const seed = options.seed ?? builtInSeed;
  const random = createRandom(seed, { stream: "world" });
  const facts = kinds.flatMap((kind) =>
    kind.attributes.flatMap((attribute, index) => drawFacts(kind, attribute, index, random)),
  );
  const questions = facts.flatMap((fact) => ask(fact, random));
  const byText = new Map(questions.map((question) => [question.text, question]));
  return { seed, facts, questions, find: (text) => byText.get(text.trim()) };
}

function drawFacts(kind: Kind, attribute: Attribute, attributeIndex: number, random: Random): Fact[] {
  // Held out per attribute, so that each of them can be measured.
  const heldOut = new Set(
    random
      .shuffle([...kind.subjects])
      .slice(0, Math.max(1, Math.round(kind.subjects.length * heldOutFactRate))),
  );
  return kind.subjects.map((subject) => ({
    id: `${kind.name}/${subject}/${attribute.name}`,
    kind,
    attribute,
    subject,
    value: valueOf(kind, subject, attribute, attributeIndex, random),
    heldOut: heldOut.has(subject),
  }));
}

function valueOf(
  kind: Kind,
  subject: string,
  attribute: Attribute,
  attributeIndex: number,
  random: Random,
): string {
  if (kind === sums) return sumValues.get(subject)!;
  if (kind === conversions) return unitValues.get(subject)!;
  if (kind === countries || kind === animals) return realValue(kind, subject, attributeIndex);
  return pick(random, attribute.domain);
}

function ask(fact: Fact, random: Random): Question[] {
  return fact.attribute.questions.flatMap((wording) => {
    const split: Split = fact.heldOut ? "fact" : happens(random, heldOutWordingRate) ? "prompt" : "train";
    const text = wording.replace("{s}", fact.subject);
    return openers.map((opener) => ({ text: opener + text, fact, split }));
  });
}

/** One way to state a fact. `wording` 0 is the plainest. `value` lets a wrong one be stated. */
export function statementOf(fact: Fact, options: { wording?: number; value?: string } = {}): string {
  const { wording = 0, value = fact.value } = options;
  const sentence = fact.attribute.statements[wording]!.replace("{s}", fact.subject).replace("{v}", value);
  return capitalise(sentence);
}

export function capitalise(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
