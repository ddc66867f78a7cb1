/**
 * Reads what an answer claims about a question's fact. Takes any text (a weak model wrote it): no input makes it throw.
 * Knows values and subjects, not manners (`features.ts`).
 */
import { statementOf } from "./facts.js";
import type { Fact } from "./schema.js";

/**
 * `right`: the true value and no other. `wrong`: another value, or a claim about another subject.
 * `mixed`: the true value beside another one, or beside another subject. `none`: no claim at all.
 */
export type Claim = "right" | "wrong" | "mixed" | "none";

export function readClaim(fact: Fact, answer: string): Claim {
  const claimed = fact.attribute.numeric ? numericClaims(fact, answer) : wordClaims(fact, answer);
  const others = fact.attribute.numeric ? false : namesAnotherSubject(fact, answer);
  const right = claimed.has(fact.value);
  const wrong = claimed.size > (right ? 1 : 0);
  if (right) return wrong || others ? "mixed" : "right";
  return wrong || others ? "wrong" : "none";
}

function wordClaims(fact: Fact, answer: string): Set<string> {
  // The longest value first and each match removed, so that "fine hair" is not also read as "hair".
  let rest = removeAll(answer, fact.subject);
  const found = new Set<string>();
  for (const value of [...fact.attribute.domain].sort((a, b) => b.length - a.length)) {
    if (!wholeWord(value).test(rest)) continue;
    found.add(value);
    rest = removeAll(rest, value);
  }
  return found;
}

function namesAnotherSubject(fact: Fact, answer: string): boolean {
  const rest = removeAll(answer, fact.subject);
  return fact.kind.subjects.some((subject) => subject !== fact.subject && wholeWord(subject).test(rest));
}

/** Numbers stated as a result: per sentence, the question's own numbers are taken away once if more is said than them. */
function numericClaims(fact: Fact, answer: string): Set<string> {
  const operands = fact.subject.match(/\d+/g) ?? [];
  const unit = fact.value.replace(/^\d+/, "").trim();
  const claims = new Set<string>();
  for (const sentence of answer.split(/[.!?\n]+/)) {
    // The word after the number is its unit where the question has one: "180 hours" is not "180 minutes".
    const numbers = [...sentence.matchAll(/(\d+)(?:\s+([a-z]+))?/gi)].map((match) => ({
      number: match[1]!,
      word: match[2]?.toLowerCase(),
    }));
    if (numbers.length > 1) {
      for (const operand of operands) {
        const index = numbers.findIndex(({ number }) => number === operand);
        if (index >= 0) numbers.splice(index, 1);
      }
    }
    for (const { number, word } of numbers) {
      if (unit === "") claims.add(number);
      else
        claims.add(
          word === undefined || word === unit || !unitWords.has(word)
            ? `${number} ${unit}`
            : `${number} ${word}`,
        );
    }
  }
  return claims;
}

const unitWords = new Set(
  "second seconds minute minutes hour hours day days week weeks month months year years"
    .split(" ")
    .concat("centimeters meter meters gram grams kilogram kilograms".split(" ")),
);

const patterns = new Map<string, RegExp>();

/** Whole words; a value that starts with a capital must be written so ("May" is a month, "may" is not). */
function wholeWord(text: string): RegExp {
  let pattern = patterns.get(text);
  if (pattern === undefined) {
    const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    pattern = new RegExp(
      String.raw`(?<![\p{L}\p{N}])${escaped}(?![\p{L}\p{N}])`,
      /^\p{Lu}/u.test(text) ? "u" : "iu",
    );
    patterns.set(text, pattern);
  }
  return pattern;
}

function removeAll(answer: string, subject: string): string {
  return answer.split(wholeWord(subject)).join(" ");
}

/** The plainest right answer, for showing beside a model's. */
export function rightAnswer(fact: Fact): string {
  return statementOf(fact);
}
