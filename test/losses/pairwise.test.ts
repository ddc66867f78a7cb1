/** Every golden pairwise case: losses, gradients and metrics of TRL and of the papers. */
import { describe, expect, it } from "vitest";

import { golden, missing } from "../support/shared.js";
import { buildPair } from "./pairwise.js";
import { checkCase, type Deviation, loadCases } from "./support.js";

const sftLosses = {
  losses: "TRL repeats the batch's mean on every row; ours is the tokenTerm, and loss is 0",
};
const emptyIsOne = {
  "rewards/accuracies": "the empty completion's reward is 0 here, and no comparison with NaN",
};
const noNll = { nll_loss: "there is no NLL term, and so no metric of it" };

/** Where ours differs on purpose. */
const DEVIATIONS: readonly (readonly [RegExp, Deviation])[] = [
  [/^huge_discopop/, { finite: "the oracle multiplies Infinity by 0" }],
  [/^all_empty_sft$/, { finite: "a mean over no token is 0 here", without: sftLosses }],
  [/^(sft|(equal|huge|empty)_sft(_.*)?)$/, { without: sftLosses }],
  [
    /^simpo_empty_completion$/,
    { finite: "an empty completion has length 1 here", without: { ...noNll, ...emptyIsOne } },
  ],
  [/^(simpo|alphapo)/, { without: noNll }],
];

const deviationOf = (name: string): Deviation =>
  DEVIATIONS.find(([pattern]) => pattern.test(name))?.[1] ?? {};

/** Cases without a loss of ours, by file. */
const NOT_HANDLED: Readonly<Record<string, readonly string[]>> = {};

function runFile(file: string): void {
  const reason = missing(golden("losses", file));
  if (reason !== undefined) {
    it.skip(`${file}: ${reason}`, () => undefined);
    return;
  }
  const unhandled: string[] = [];
  for (const c of loadCases(file)) {
    const build = buildPair(c);
    if (build === undefined) unhandled.push(c.name);
    else it(`${c.name} agrees`, () => checkCase(c, { build, deviation: deviationOf(c.name) }));
  }
  it(`${file}: cases that are not handled are listed`, () => {
    expect(unhandled).toEqual(NOT_HANDLED[file] ?? []);
  });
}

describe("pairwise losses with a reference", () => runFile("pairwise.json"));
describe("pairwise losses at the edges", () => runFile("pairwise_edge.json"));
describe("pairwise losses without a reference", () => runFile("pairwise_reference_free.json"));
