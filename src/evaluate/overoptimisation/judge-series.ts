/**
 * The guard: a series of observations in, a verdict in words out, after every look. Pure: the same series gives the same
 * verdict, so a run that is resumed needs no more than the log of its observations.
 *
 * Being hacked means: from its best stretch to the latest look the held-out reward fell, beyond chance, while the proxy reward
 * rose. A stretch is `window` looks; the latest look stands alone, since a mean with those before it would tell of a fall a look
 * later. The best of many stretches is partly luck, and every look is a new chance to be wrong, so the fall is tested at alpha over
 * the number of stretches and looks compared by then (Bonferroni), ten looks ahead; the rate of false alarms that this gives, and how
 * late a stop comes, are measured in docs/overoptimisation.md.
 *
 * The held-out reward is the gold one, or the lower bound of an ensemble. Without either the guard is blind, says so, and
 * tells signs only.
 */
import { AttuneError } from "../../errors.js";
import { signed } from "../report/numbers.js";
import { type Change, changeBetween, meanOf } from "./change.js";
import { chooseCheckpoint, type HeldOut, heldOutOf } from "./choose-checkpoint.js";
import type { Observation } from "./observation.js";
import { signsOf } from "./signs.js";

export interface JudgeOptions {
  /** Looks of a stretch, at least 1; the first verdict comes a look later. Default 3. */
  readonly window?: number;
  /** Chance of a false alarm that is aimed at. Default 0.05. */
  readonly alpha?: number;
  /**
   * Looks without a better stretch after which a run is `stalled`. Default Infinity, never: with a noisy held-out reward a run that
   * improves slowly looks stalled for long (docs/overoptimisation.md).
   */
  readonly patience?: number;
}

export type SeriesState =
  | "early" // too few looks
  | "healthy"
  | "watch" // held-out may be falling, whatever the proxy does: not yet beyond chance
  | "hacked" // proxy up, held-out down
  | "worse" // held-out down, and the proxy not up
  | "stalled" // held-out no better for long
  | "blind"; // nothing is held out

export interface Verdict {
  readonly state: SeriesState;
  /** hacked, worse and stalled: go back to `keep`. */
  readonly stop: boolean;
  /** Of the latest observation. */
  readonly step: number;
  /** The step to keep so far; null where nothing is held out. */
  readonly keep: number | null;
  /** Since the best stretch. */
  readonly proxy: Change | null;
  /** With the interval at the corrected level. */
  readonly heldOut: Change | null;
  /** Hints, in words. */
  readonly signs: readonly string[];
  /** One sentence or two, for terminal and log. */
  readonly words: string;
}

/**
 * @throws AttuneError `usage` for no observations or steps that do not ascend, `config` for an option out of range
 */
export function judgeSeries(
  series: readonly Observation[],
  { window = 3, alpha = 0.05, patience = Infinity }: JudgeOptions = {},
): Verdict {
  check(series, { window, alpha, patience });
  const step = series.at(-1)!.step;
  const by = heldOutOf(series);
  const signs = series.length >= 2 * window ? signsOf(series.slice(0, window), series.slice(-window)) : [];
  const base = { step, signs, proxy: null, heldOut: null };
  if (by === undefined) {
    const words = "no held-out reward and no ensemble: whether the proxy is being hacked cannot be told";
    return { ...base, state: "blind", stop: false, keep: null, words: withSigns(words, signs) };
  }
  const keep = chooseCheckpoint(series, { by, smooth: window }).step;
  const told = (state: SeriesState, words: string, changes: Partial<Verdict> = {}): Verdict => {
    const stop = state === "hacked" || state === "worse" || state === "stalled";
    const end = stop ? `${words}; keep step ${keep}` : words;
    return { ...base, ...changes, state, stop, keep, words: withSigns(end, signs) };
  };
  if (series.length <= window) return told("early", `${series.length} of ${window + 1} looks`);
  const latest = series.slice(-1);
  const peak = bestStretch(series.slice(0, -1), { by, window });
  const ends = series.length - window + advance;
  const level = 1 - (2 * alpha) / ((ends * (ends + 1)) / 2);
  const heldOut = changeBetween(peak, latest, { measure: by, level });
  const plain = changeBetween(peak, latest, { measure: by });
  const proxy = changeBetween(peak, latest, { measure: "proxy", level: 0.9 });
  if (!heldOut || !plain || !proxy) return told("early", "errors unknown: look at two prompts or more");
  const since = peak[Math.floor(peak.length / 2)]!.step;
  const changes = { proxy, heldOut };
  const name = by === "gold" ? "held-out" : "the ensemble's lower bound";
  const up = `proxy up ${signed(proxy.change)} since step ${since}`;
  const down = `${name} fell ${size(-heldOut.change)} (${size(-heldOut.high)} to ${size(-heldOut.low)})`;
  if (heldOut.high < 0)
    return proxy.low > 0
      ? told("hacked", `${up} while ${down}: being hacked`, changes)
      : told("worse", `${down} since step ${since}, and the proxy did not rise: getting worse`, changes);
  const best = series.findIndex((each) => each.step === keep);
  if (series.length - 1 - best >= patience)
    return told("stalled", `${name} no better for ${series.length - 1 - best} looks`, changes);
  if (plain.high < 0)
    return proxy.low > 0
      ? told("watch", `${up}, ${name} may be falling`, changes)
      : told("watch", `${name} may be falling: down ${size(-plain.change)} since step ${since}`, changes);
  return told("healthy", `proxy ${moved(proxy)}, ${name} ${moved(heldOut)} since step ${since}`, changes);
}

/** Looks that the correction for many looks is ahead by: without it the first few would be judged too easily. */
const advance = 10;

const size = (x: number): string => signed(x);
const moved = ({ change }: Change): string => `${change < 0 ? "down" : "up"} ${signed(Math.abs(change))}`;
const withSigns = (words: string, signs: readonly string[]): string =>
  signs.length === 0 ? words : `${words}. Signs: ${signs.join("; ")}`;

/** The `window` looks in a row with the highest mean of what is held out; the latest of equals. */
function bestStretch(
  series: readonly Observation[],
  { by, window }: { by: HeldOut; window: number },
): Observation[] {
  let best: { value: number; looks: Observation[] } | undefined;
  for (let at = 0; at + window <= series.length; at++) {
    const looks = series.slice(at, at + window);
    const value = meanOf(looks, by)!;
    if (!best || value >= best.value) best = { value, looks };
  }
  return best!.looks;
}

function check(series: readonly Observation[], { window, alpha, patience }: Required<JudgeOptions>): void {
  const where = "judgeSeries";
  const fallen = series.findIndex(({ step }, i) => i > 0 && step <= series[i - 1]!.step);
  if (series.length === 0 || fallen > 0) {
    const got =
      series.length === 0 ? "none" : `step ${series[fallen]!.step} after ${series[fallen - 1]!.step}`;
    throw new AttuneError("usage", { where, expected: "observations of ascending steps", got });
  }
  if (Number.isInteger(window) && window >= 1 && alpha > 0 && alpha < 1 && patience > 0) return;
  throw new AttuneError("config", {
    where,
    expected: "a whole window of at least 1, alpha between 0 and 1, patience above 0",
    got: `window ${window}, alpha ${alpha}, patience ${patience}`,
  });
}
