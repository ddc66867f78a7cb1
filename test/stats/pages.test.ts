/**
 * Every statistic has a page, and what a page says is so: its functions exist, its examples run and give the numbers shown, its tests and
 * sources are there. In a `js` block a line `expression // 0.49, null` is checked to the digits shown; other lines run as they stand.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";

import * as stats from "../../src/stats/index.js";
import { repositoryRoot } from "../support/shared.js";

const folder = join(repositoryRoot, "docs", "statistics");
const index = readFileSync(join(folder, "README.md"), "utf8");
const pages = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
const parts = [
  "When to choose it",
  "Source",
  "Assumes",
  "Missing data",
  "Error and interval",
  "What it says, and what not",
  "In code",
  "At the command line",
  "Other tools",
];
const isExported = (name: string): boolean =>
  typeof (stats as Readonly<Record<string, unknown>>)[name] === "function";

/** What is shown, number by number; a number may be off by half a unit of its last digit. */
function expectShown(got: unknown, shown: string): void {
  const values = [got].flat(3);
  const numbers = shown.split(/,\s+/);
  expect(values, `numbers for "${shown}"`).toHaveLength(numbers.length);
  for (const [k, part] of numbers.entries()) {
    const value: unknown = values[k];
    if (typeof value !== "number") expect(String(value)).toBe(part);
    else {
      const digits = part.split(".")[1]?.length ?? 0;
      const room = digits === 0 ? 1e-6 : 0.5 * 10 ** -digits + 1e-9;
      expect(Math.abs(value - Number(part)), `${value}, shown as ${part}`).toBeLessThanOrEqual(room);
    }
  }
}

function runExample(block: string): number {
  let checked = 0;
  const lines = block.split("\n").map((line) => {
    const [, expression, shown] = /^(?!const )(\S.*?) \/\/ (.+)$/.exec(line) ?? [];
    if (expression === undefined) return line;
    checked += 1;
    return `expectShown(${expression}, ${JSON.stringify(shown)});`;
  });
  runInNewContext(lines.join("\n"), { ...stats, expectShown });
  return checked;
}

describe("the pages of statistics", () => {
  it("name every function that src/stats exports", () => {
    const all = pages.map(({ text }) => text).join("\n");
    const unnamed = Object.keys(stats).filter(
      (name) => isExported(name) && !new RegExp(`\`${name}[(\`]`).test(all),
    );
    expect(unnamed).toEqual([]);
  });

  it("are all linked from the index, which links to nothing else", () => {
    const linked = [...index.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => name!);
    expect([...new Set(linked)].toSorted()).toEqual(pages.map(({ name }) => name).toSorted());
    const functions = [...index.matchAll(/`([a-z]\w*)\(?`/g)].map(([, name]) => name!);
    expect(functions.filter((name) => /[a-z][A-Z]/.test(name) && !isExported(name))).toEqual([]);
  });

  it.each(pages)("$name names only functions, files and tests that exist", ({ text }) => {
    const titled = [...text.split("\n")[0]!.matchAll(/`(\w+)`/g)];
    const called = [...text.matchAll(/`([a-z]\w*)\(/g)];
    expect(titled.length).toBeGreaterThan(0);
    expect([...titled, ...called].map(([, name]) => name!).filter((name) => !isExported(name))).toEqual([]);
    for (const [, file] of text.matchAll(/`((?:src|test)\/[\w./-]+)`/g)) {
      expect(existsSync(join(repositoryRoot, file!)), file).toBe(true);
    }
    for (const [, target] of text.matchAll(/\]\(([^)#]+\.md)\)/g)) {
      expect(existsSync(join(folder, target!)), target).toBe(true);
    }
    // Titles of tests stand in quotation marks and parentheses behind their file.
    const prose = text.replace(/```[\s\S]*?```/g, "");
    const tests = [...prose.matchAll(/`(test\/[\w./-]+)`/g)].map(([, file]) =>
      readFileSync(join(repositoryRoot, file!), "utf8"),
    );
    const titles = [...prose.matchAll(/\(((?:"[^"]+"(?:, )?)+)[^)]*\)/g)].flatMap(([, group]) =>
      [...group!.matchAll(/"([^"]+)"/g)].map(([, title]) => title!),
    );
    expect(titles.length).toBeGreaterThan(0);
    expect(titles.filter((title) => !tests.some((test) => test.includes(title)))).toEqual([]);
  });

  it.each(pages)("$name says when to choose it, what it assumes and what it does not say", ({ text }) => {
    for (const part of parts) expect(text, part).toContain(`**${part}.**`);
    expect(text.split("\n").length).toBeLessThanOrEqual(60);
  });

  it.each(pages)("$name gives an example that comes out as shown", ({ text }) => {
    const blocks = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block!);
    expect(blocks.reduce((sum, block) => sum + runExample(block), 0)).toBeGreaterThan(0);
  });
});
