/** Options are checked where they are used, and the error says which loss, what was expected and what came. */
import { describe, expect, it } from "vitest";

import { dpo, exoPair, orpo, pairsFrom, resolveOptions, simpo, tpo } from "../../src/losses/index.js";
import { choice, number } from "../../src/losses/options.js";
import { constant } from "../../src/tensor/index.js";

const pairs = pairsFrom({ chosen: [[-1, -2], [-3]], rejected: [[-3], [-1, -1]] });

describe("options", () => {
  const specs = {
    beta: number(0.1, { above: 0, doc: "Scale.", source: "here" }),
    share: number(0, { min: 0, below: 1, doc: "Share.", source: "here" }),
    kind: choice("a", { choices: ["a", "b"], doc: "Kind.", source: "here" }),
  } as const;

  it("take their defaults, and undefined for not given", () => {
    expect(resolveOptions("x", specs)).toEqual({ beta: 0.1, share: 0, kind: "a" });
    expect(resolveOptions("x", specs, { beta: undefined, kind: "b" })).toEqual({
      beta: 0.1,
      share: 0,
      kind: "b",
    });
  });
  it.each([
    [{ beta: 0 }, "losses.x: expected beta > 0, got 0"],
    [{ beta: Number.NaN }, "got NaN"],
    [{ share: 1 }, "losses.x: expected share >= 0 and < 1, got 1"],
    [{ kind: "c" }, "losses.x: expected kind a | b, got c"],
    [{ beta: "0.1" }, "got 0.1"],
    [{ betta: 0.1 }, "expected options among beta, share, kind, got betta"],
  ])("refuse %j", (given, message) => {
    expect(() => resolveOptions("losses.x", specs, given as never)).toThrow(message);
  });
});

describe("losses refuse", () => {
  it.each([
    ["a beta of 0", () => dpo(pairs, { beta: 0 }), "losses.sigmoid: expected beta > 0, got 0"],
    ["smoothing of one half", () => simpo(pairs, { labelSmoothing: 0.5 }), "losses.simpo"],
    ["EXO without smoothing", () => exoPair(pairs, { labelSmoothing: 0 }), "losses.exo_pair"],
    ["a gold answer that is missing", () => tpo(pairs), "goldLogps where tpoAlpha > 0"],
    [
      "a mask of another shape",
      () => orpo({ ...pairs, chosenMask: constant(1, [2, 9]) }),
      "losses.orpo: chosenMask: expected [2, 2], got [2, 9]",
    ],
    [
      "a reference of another shape",
      () => dpo({ ...pairs, refChosenLogps: constant(0, [3]) }),
      "expected [2, 2] or [2], got [3]",
    ],
    [
      "sides of different length",
      () => orpo({ ...pairs, rejectedLogps: constant(0, [1, 2]) }),
      "rejectedLogps: expected [2, tokens], got [1, 2]",
    ],
  ])("%s", (_, use, message) => {
    expect(use).toThrow(message);
  });
});
