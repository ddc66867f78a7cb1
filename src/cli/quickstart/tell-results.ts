/** The end of the quick start on the terminal: the numbers, five answers before and after, what to do next. */
import { percent, percentWithInterval, signed } from "../../evaluate/index.js";
import { modelNames, type Comparison, type ModelSummary } from "./compare-stage.js";
import type { Narrator } from "./narrator.js";
import type { NextCommand } from "./next-commands.js";
import type { Outcome } from "./outcome.js";
import { sideBySide } from "./report-answers.js";
import { displayNames, duelSentence, headline } from "./words.js";

export interface TellOptions {
  outcome: Outcome;
  narrator: Narrator;
  report: string;
  next: readonly NextCommand[];
}

export function tellResults({ outcome, narrator, report, next }: TellOptions): void {
  const { comparison } = outcome;
  for (const line of table(comparison)) narrator.show(`      ${line}`);
  narrator.say("");
  for (const duel of comparison.duels) narrator.say(`${duelSentence(duel)}.`);
  narrator.say("");
  narrator.say("The first five of these questions, and what the models say:");
  for (const row of sideBySide(comparison)) {
    narrator.say("");
    narrator.say(`“${row.prompt}”`);
    for (const name of modelNames) narrator.say(`${displayNames[name].padEnd(5)}${oneLine(row[name].text)}`);
  }
  narrator.show(`\n${headline(comparison)}.`);
  narrator.show(`\nWhat now?`);
  for (const { purpose, command } of next) narrator.show(`\n  ${purpose}:\n    ${command}`);
  narrator.show(`\nThe report: ${report}`);
}

function table({ models }: Comparison): string[] {
  const rows: [string, (summary: ModelSummary) => string][] = [
    ["true utility (people)", ({ utility }) => withError(utility)],
    ["reward model’s score", ({ reward }) => withError(reward)],
    ["answers with the right fact", ({ correct }) => percentWithInterval(correct.mean, correct)],
    ["words an answer", ({ words }) => withError(words)],
    ["KL from base, nats", ({ klFromBase }) => withError(klFromBase)],
    ["KL from SFT, nats", ({ klFromSft }) => withError(klFromSft)],
    ["ended by itself", ({ finished }) => percent(finished.mean)],
  ];
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(29) : cell.padStart(17))).join("");
  return [
    line(["", ...modelNames.map((name) => displayNames[name])]),
    ...rows.map(([name, of]) => line([name, ...modelNames.map((model) => of(models[model]))])),
  ];
}

const withError = (value: ModelSummary["utility"] | null): string =>
  value === null ? "–" : `${signed(value.mean)} ± ${value.standardError.toFixed(2)}`;

// Control characters of a model's answer could move the cursor or hide text.
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, " ").trim() || "(empty)";
