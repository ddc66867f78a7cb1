/** Every golden case on unpaired data: KTO, APO-zero, BCO and its running mean. */
import { describe, expect, it } from "vitest";

import { ktoKl, type OptionValue, UNPAIRED_LOSSES, type UnpairedLossEntry } from "../../src/losses/index.js";
import type { Tensor } from "../../src/tensor/index.js";
import { golden, missing } from "../support/shared.js";
import { type Built, checkCase, expectClose, flatten, type GoldenCase, loadCases } from "./support.js";

const entryOf = (name: string): UnpairedLossEntry | undefined =>
  (UNPAIRED_LOSSES as Readonly<Record<string, UnpairedLossEntry>>)[name];

const OPTIONS = {
  beta: "beta",
  desirable_weight: "desirableWeight",
  undesirable_weight: "undesirableWeight",
  update: "update",
};

function build({ options }: GoldenCase, entry: UnpairedLossEntry) {
  const given = Object.entries(OPTIONS).flatMap(([theirs, ours]) =>
    theirs in options ? [[ours, options[theirs]]] : [],
  );
  return (t: Readonly<Record<string, Tensor>>): Built => {
    const inputs = {
      logps: t["policy_logps"]!,
      refLogps: t["ref_logps"]!,
      mask: t["mask"]!,
      desirable: t["label"]!,
      runningMean: t["running_mean"],
      runningVar: t["running_var"],
      runningCount: t["running_count"],
    };
    const kl =
      t["policy_kl_logps"] &&
      ktoKl({ logps: t["policy_kl_logps"], refLogps: t["ref_kl_logps"]!, mask: t["kl_mask"]! });
    return {
      result: entry.loss({ ...inputs, kl }, Object.fromEntries(given) as Record<string, OptionValue>),
    };
  };
}

const file = "unpaired.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(`unpaired losses${reason === undefined ? "" : `: ${reason}`}`, () => {
  const unhandled: string[] = [];
  for (const c of reason === undefined ? loadCases(file) : []) {
    const entry = entryOf(c.name.startsWith("bco") ? "bco" : String(c.options["loss_type"]));
    if (entry === undefined) {
      unhandled.push(c.name);
      continue;
    }
    it(`${c.name} agrees`, async () => {
      const built = build(c, entry);
      await checkCase(c, {
        build: (t) => {
          const { result } = built(t);
          const { runningMean, runningVar, runningCount } = result.state ?? {};
          const extra = runningMean && {
            running_mean: runningMean,
            running_var: runningVar!,
            running_count: runningCount!,
          };
          return { result, extra };
        },
        deviation: {
          without: {
            state: "compared below, number by number",
            ...(entry.needsKl ? {} : { kl: "no estimate, no metric" }),
          },
        },
        also(got) {
          const state = c.expected["state"] as Readonly<Record<string, number>> | undefined;
          for (const name of ["running_mean", "running_var", "running_count"]) {
            if (state !== undefined) expectClose(got[name]!, flatten(state[name]!), { what: name });
          }
        },
      });
    });
  }
  it("cases that are not handled are listed", () => expect(unhandled).toEqual([]));
});
