/**
 * The agreement page's numbers from how many items have each tally and what each person's sums are: a million judgements are a
 * handful of rows. Knows no query.
 */
import { agreementSummary, noiseCeiling, type AgreementSummary, type WithInterval } from "../stats/index.js";
import type { Pattern, PersonSums } from "../store/index.js";
import type { Agreement, Estimate, ProjectSettings } from "./api-schemas.js";
import { estimate, leftShare, share, undefinedFor } from "./estimates.js";

interface Given {
  patterns: readonly Pattern[];
  people: readonly PersonSums[];
  settings: Pick<ProjectSettings, "task" | "overlap">;
}

/** Draws of counts at most, at some microseconds each: neither the page shall wait, nor everybody else for the page. */
const draws = 60_000;

export function agreementOf({ patterns, people, settings }: Given): Agreement {
  const { names, counts, repeats } = countsOf(patterns);
  const resamples = resamplesWithin(draws, counts.length);
  const summary = agreementSummary(counts, { repeats, resamples });
  const sums = total(people);
  const n = (name: string): number => sums[name] ?? 0;
  const answered = n("judgements") - n("skip");
  const left = leftShare(sums);
  const ceiling = ceilingOf({ counts, names, repeats, resamples });
  return {
    items: summary.items,
    judgements: summary.judgements,
    annotators: people.filter((person) => (person.sums["judgements"] ?? 0) > 0).length,
    categories: names.map((name, k) => ({
      name,
      count: counts.reduce((sum, row, place) => sum + row[k]! * repeats[place]!, 0),
    })),
    percent: shownEstimate(summary.percent, summary),
    alpha: shownEstimate(summary.alphaNominal, summary),
    fleiss: shownEstimate(summary.kappa, summary),
    ac1: shownEstimate(summary.ac1, summary),
    left,
    ceiling,
    tie_rate: share(n("tie"), answered, { otherwise: "Nothing was judged yet." }),
    skip_rate: share(n("skip"), n("judgements"), { otherwise: "Nothing was judged yet." }),
    words: inWords({ summary, left, ceiling, settings }),
  };
}

/** Resamples of so many rows within so many draws; an interval needs some, and more than enough wait for nothing. */
export const resamplesWithin = (draws: number, rows: number): number =>
  Math.max(100, Math.min(1000, Math.floor(draws / Math.max(1, rows))));

/** Tallies as rows of counts, whose columns are `names`; `repeats` is how many items have each. */
export function countsOf(patterns: readonly Pattern[]): {
  names: string[];
  counts: number[][];
  repeats: number[];
} {
  const labelled = patterns.map(({ tally, items }) => ({
    items,
    tally: Object.fromEntries(Object.entries(tally).filter(([, n]) => n > 0)),
  }));
  const names = [...new Set(labelled.flatMap(({ tally }) => Object.keys(tally)))].toSorted(inOrder);
  return {
    names,
    counts: labelled.map(({ tally }) => names.map((name) => tally[name] ?? 0)),
    repeats: labelled.map(({ items }) => items),
  };
}

/** Pairs in the order of their scale, everything else by name. */
const scale = ["first", "tie", "both_bad", "second"];
const inOrder = (a: string, b: string): number =>
  scale.indexOf(a) - scale.indexOf(b) || a.localeCompare(b, "en", { numeric: true });

function total(people: readonly PersonSums[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const person of people)
    for (const [name, n] of Object.entries(person.sums)) sums[name] = (sums[name] ?? 0) + n;
  return sums;
}

export function shownEstimate({ value, interval }: WithInterval, { paired }: AgreementSummary): Estimate {
  if (paired === 0) return undefinedFor("No item was judged by two people yet.");
  return value === null
    ? undefinedFor("Everybody always gave the same answer: agreement beyond chance is undefined.")
    : estimate(value, interval);
}

function ceilingOf(o: {
  counts: readonly number[][];
  names: readonly string[];
  repeats: readonly number[];
  resamples: number;
}): Estimate {
  const [first, second] = [o.names.indexOf("first"), o.names.indexOf("second")];
  const decided = o.counts.map((row) => [row[first] ?? 0, row[second] ?? 0]);
  const { lowest, highest, highestInterval } = noiseCeiling(decided, {
    repeats: o.repeats,
    resamples: o.resamples,
  });
  if (lowest === null) return undefinedFor("No pair was decided by two people yet.");
  if (highest === null)
    return undefinedFor("People agree less than by tossing coins: there is no ceiling to speak of.");
  return estimate(
    highest,
    highestInterval,
    `Against one person's answers a model can be right ${percent(highest)} of the time at best if all pairs are equally hard, ${percent(lowest)} if some are clear and the others coin tosses.`,
  );
}

const percent = (value: number): string => `${(100 * value).toFixed(0)}%`;

function inWords({
  summary,
  left,
  ceiling,
  settings,
}: {
  summary: AgreementSummary;
  left: Estimate & { p: number | null };
  ceiling: Estimate;
  settings: Given["settings"];
}): string[] {
  const { percent: same, alphaNominal: alpha, paired, items } = summary;
  const words: string[] = [];
  if (paired === 0) {
    words.push(
      settings.overlap < 2
        ? "Each item is judged once, so nothing can be said of agreement: ask for two judgements an item in the set-up."
        : "No item has two judgements yet, so nothing can be said of agreement.",
    );
  } else {
    if (same.value !== null)
      words.push(`Two people who see the same item give the same answer ${percent(same.value)} of the time.`);
    if (alpha.value !== null && alpha.interval !== null) {
      words.push(
        `Beyond chance that is an alpha of ${alpha.value.toFixed(2)} (95% interval ${alpha.interval.low.toFixed(2)} to ${alpha.interval.high.toFixed(2)}): ${verdict(alpha.value)}.`,
      );
    }
    if (paired < 30)
      words.push(
        `Only ${paired} of ${items} items were judged by two people: read the intervals, not the values.`,
      );
  }
  if (left.p !== null && left.value !== null) {
    words.push(
      left.p < 0.05
        ? `The left answer wins ${percent(left.value)} of the time, more than chance explains (p = ${left.p.toPrecision(2)}): people have a habit of side.`
        : `The left answer wins ${percent(left.value)} of the time, which chance explains (p = ${left.p.toPrecision(2)}).`,
    );
  }
  if (ceiling.value !== null)
    words.push(
      "Agreement says how alike people judge, not that they are right; a model above the ceiling has learned these people's noise.",
    );
  return words;
}

/** Krippendorff's own thresholds (2004, p. 241). */
const verdict = (alpha: number): string =>
  alpha >= 0.8
    ? "reliable by Krippendorff's rule (0.80)"
    : alpha >= 0.667
      ? "good enough for tentative conclusions only (0.667 to 0.80)"
      : "below what Krippendorff calls usable (0.667); preferences between good answers often are";
