/** Every golden case of GRPO, its kin and RLOO: values, gradients and metrics of TRL. */
import { describe, expect, it } from "vitest";

import { POLICY_LOSSES } from "../../src/losses/index.js";
import { golden, missing } from "../support/shared.js";
import { buildPolicy, deviationOf } from "./policy.js";
import { checkCase, loadCases } from "./support.js";

const file = "grpo.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(`losses on sampled answers${reason ? `: ${reason}` : ""}`, () => {
  const cases = reason === undefined ? loadCases(file) : [];
  for (const c of cases)
    it(`${c.name} agrees`, () => checkCase(c, { build: buildPolicy(c), deviation: deviationOf(c) }));
  it("all of TRL's loss types have a counterpart", () => {
    const types = new Set(
      cases.flatMap(({ options }) => (options["loss_type"] ? [options["loss_type"]] : [])),
    );
    expect([...types].filter((type) => !(String(type) in POLICY_LOSSES))).toEqual([]);
  });
});
