/** Which step of a run to keep: by the held-out reward, or by the ensemble's lower bound. Knows a series, no checkpoints. */
import { AttuneError } from "../../errors.js";
import { meanOf } from "./change.js";
import type { Observation } from "./observation.js";

/** What a series is judged by besides the proxy. */
export type HeldOut = "gold" | "lowerBound";

export interface CheckpointChoice {
  readonly step: number;
  /** Place in the series. */
  readonly index: number;
  readonly by: HeldOut;
  /** Mean of the held-out reward around it. */
  readonly value: number;
}

/** The gold reward where every observation has it, else the ensemble's lower bound, else nothing. */
export function heldOutOf(series: readonly Observation[]): HeldOut | undefined {
  return (["gold", "lowerBound"] as const).find((measure) => meanOf(series, measure) !== undefined);
}

/**
 * The step with the highest held-out reward, each step's value being the mean of the `smooth` observations around it
 * (default 3): the highest of many noisy values is high by luck too, and neighbours share what is real. `steps`: only these
 * (the ones with a checkpoint); default all.
 *
 * @throws AttuneError `usage` where nothing is held out or no step is left, as when the proxy is all that is known
 */
export function chooseCheckpoint(
  series: readonly Observation[],
  {
    by = heldOutOf(series),
    smooth = 3,
    steps,
  }: { by?: HeldOut; smooth?: number; steps?: readonly number[] } = {},
): CheckpointChoice {
  const half = Math.floor((smooth - 1) / 2);
  let best: CheckpointChoice | undefined;
  series.forEach(({ step }, index) => {
    if (by === undefined || (steps && !steps.includes(step))) return;
    const value = meanOf(series.slice(Math.max(0, index - half), index + half + 1), by);
    if (value !== undefined && (best === undefined || value > best.value)) best = { step, index, by, value };
  });
  if (best) return best;
  throw new AttuneError("usage", {
    where: "chooseCheckpoint",
    expected: "observations with a gold reward or an ensemble of reward models",
    got: `${series.length} observations${by === undefined ? " with neither" : ` of which none has ${by} at the steps asked for`}`,
    fix: "the proxy reward alone cannot say which checkpoint is best: give a held-out reward",
  });
}
