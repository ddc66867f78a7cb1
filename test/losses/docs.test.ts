/**
 * Every loss has a page, and what a page says of options and needs is what the code declares.
 * `UPDATE_DOCS=1 npx vitest run test/losses/docs` writes that part of the pages anew.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import {
  type OptionSpec,
  type OptionSpecs,
  PAIR_LOSSES,
  type PairLossEntry,
  NASH_MD_OPTIONS,
  PLACKETT_LUCE_OPTIONS,
  POLICY_LOSSES,
  type PolicyLossEntry,
  REWARD_OPTIONS,
  SFT_OPTIONS,
  UNPAIRED_LOSSES,
  type UnpairedLossEntry,
  VALUE_OPTIONS,
  XPO_OPTIONS,
} from "../../src/losses/index.js";
import { repositoryRoot } from "../support/shared.js";

const folder = join(repositoryRoot, "docs", "losses");
const pageOf = (name: string): string => join(folder, `${name.replaceAll("_", "-")}.md`);

function rangeOf({ choices, min, above, max, below }: OptionSpec): string {
  if (choices !== undefined) return choices.map((c) => `\`${String(c)}\``).join(", ");
  const bounds = Object.entries({ "≥": min, ">": above, "≤": max, "<": below });
  return bounds.flatMap(([sign, bound]) => (bound === undefined ? [] : [`${sign} ${bound}`])).join(", ");
}

function optionsTable(specs: OptionSpecs): string[] {
  const rows = Object.entries(specs).map(
    ([name, spec]) =>
      `| \`${name}\` | \`${String(spec.default)}\` | ${rangeOf(spec)} | ${spec.doc} | ${spec.source} |`,
  );
  return rows.length === 0
    ? []
    : ["| option | default | range | meaning | default from |", "|---|---|---|---|---|", ...rows];
}

type Needs = Partial<Omit<PairLossEntry, "loss"> & Omit<UnpairedLossEntry, "loss">>;

function needs(entry: Needs): string {
  const parts = [
    entry.needsReference === undefined
      ? "a reference model"
      : entry.needsReference
        ? `a reference model (${entry.reads === "sums" ? "summed log-probabilities will do" : "log-probabilities per token"})`
        : "no reference model",
    ...(entry.needsKl ? ["`kl`, from `ktoKl`"] : []),
    ...(entry.extraInputs?.length ? [entry.extraInputs.map((x) => `\`${x}\``).join(" and ")] : []),
    ...(entry.averagesTokens
      ? [`a token count of the ${entry.averagesTokens} answers over the accumulated batch`]
      : []),
    ...(entry.wholeBatch ? ["the whole batch at once (no accumulation)"] : []),
  ];
  return `**Needs** ${parts.join("; ")}.`;
}

const OTHERS: Readonly<Record<string, OptionSpecs>> = {
  nll: SFT_OPTIONS,
  reward: REWARD_OPTIONS,
  plackett_luce: PLACKETT_LUCE_OPTIONS,
  value: VALUE_OPTIONS,
  nash_md: NASH_MD_OPTIONS,
  xpo: XPO_OPTIONS,
};

/** Losses on sampled answers need what their options ask for. */
function policyNeeds(entry: PolicyLossEntry): string {
  const parts = [
    `log-probabilities per token and advantages (${entry.advantages === "rows" ? "one a row" : "one a row or a token"})`,
    ...("beta" in entry.options ? ["`refLogps` where beta > 0"] : []),
    ...("entropyCoef" in entry.options ? ["`entropies` where entropyCoef > 0"] : []),
    ...(entry.averagesTokens() ? ["a token count over the accumulated batch"] : []),
  ];
  return `**Needs** ${parts.join("; ")}.`;
}

const facts: Readonly<Record<string, string>> = Object.fromEntries([
  ...Object.entries({ ...PAIR_LOSSES, ...UNPAIRED_LOSSES } as Readonly<
    Record<string, PairLossEntry | UnpairedLossEntry>
  >).map(([name, entry]) => [name, [needs(entry), "", ...optionsTable(entry.options)].join("\n")]),
  ...Object.entries(POLICY_LOSSES as Readonly<Record<string, PolicyLossEntry>>).map(([name, entry]) => [
    name,
    [policyNeeds(entry), "", ...optionsTable(entry.options)].join("\n"),
  ]),
  ...Object.entries(OTHERS).map(([name, specs]) => [name, optionsTable(specs).join("\n")]),
]);

const SECTION = /<!-- facts -->\n[^]*?<!-- \/facts -->/;
const section = (text: string): string => `<!-- facts -->\n${text}\n<!-- /facts -->`;

describe("pages of losses", () => {
  it.each(Object.entries(facts))("%s says what the code declares", (name, text) => {
    const page = pageOf(name);
    expect(existsSync(page), `${page} is there`).toBe(true);
    if (process.env["UPDATE_DOCS"] === "1") {
      writeFileSync(
        page,
        readFileSync(page, "utf8").replace(SECTION, () => section(text)),
      );
    }
    expect(SECTION.exec(readFileSync(page, "utf8"))?.[0]).toBe(section(text));
  });
  it("are listed in the index, every one", () => {
    const index = readFileSync(join(folder, "README.md"), "utf8");
    for (const file of readdirSync(folder))
      if (file !== "README.md") expect(index, file).toContain(`(${file})`);
  });
});
