/** Rules on runs of an agent: how they ended, and how many steps they took. */
import { AttuneError } from "../../errors.js";
import type { Reward } from "../contract.js";

/** The run's own outcome (tau-bench: 0 or 1). Does not apply to answers that are no runs, or have none. */
export const outcomeReward = (): Reward => ({
  name: "outcome",
  score: (items) => items.map(({ trajectory }) => trajectory?.reward ?? null),
});

/** Minus `perStep` for every message of the assistant beyond `free`. Does not apply to answers that are no runs. */
export function stepCostReward({ perStep = 0.01, free = 0 } = {}): Reward {
  if (!(perStep >= 0 && free >= 0)) {
    throw new AttuneError("config", {
      where: "rewards.stepCostReward",
      expected: "perStep >= 0 and free >= 0",
      got: `perStep ${perStep}, free ${free}`,
    });
  }
  return {
    name: "step_cost",
    score: (items) =>
      items.map(({ trajectory }) => {
        if (trajectory === undefined) return null;
        const steps = trajectory.messages.filter(({ role }) => role === "assistant").length;
        return 0 - perStep * Math.max(0, steps - free);
      }),
  };
}
