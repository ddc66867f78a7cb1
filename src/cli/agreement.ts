/** `attune agreement`: how far people agree, with intervals and in words. Judgements come from a file or a project of the store. */
import {
  binomialTest,
  bootstrapCounts,
  brennanPrediger,
  codeRatings,
  congerKappa,
  countRatings,
  fleissKappa,
  groupCounts,
  gwetAC,
  type Interval,
  krippendorffAlpha,
  type NoiseCeiling,
  noiseCeiling,
  percentAgreement,
  raterAgreement,
  raterPairs,
  twoWayBootstrap,
  wilsonInterval,
} from "../stats/index.js";
import { flag, whole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { wrap } from "./help.js";
import { storeSettings } from "./open-store.js";
import { type JudgedLabel, orderOfLabels, readJudgements } from "./judgement-rows.js";
import { counted, percent, table } from "./show.js";
import { readProject } from "./store/judged-rows.js";

const settings = {
  resamples: whole(1000, {
    min: 1,
    doc: "Resamples of every interval.",
    source: "Efron and Tibshirani 1993, 1,000 for percentiles",
  }),
  seed: whole(0, { min: 0, doc: "The same seed gives the same intervals.", source: "" }),
  ...storeSettings,
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune agreement",
  about:
    "Says how far annotators agree: percent agreement, kappas, AC1 and alpha together (any one alone misleads when an answer is rare), each with a 95% bootstrap interval over items and what it means; who agrees with whom; whether the left answer is favoured; and the best accuracy that a reward model can reach on such labels. FILE is attune:PROJECT, or holds judgements as Attune exports them, rows of item, annotator and label, or one column for each annotator.",
  positionals: ["FILE"],
  examples: [
    "attune agreement attune:my-project",
    "attune agreement judgements.jsonl",
    "attune agreement votes.csv --json",
    "attune agreement labels.jsonl --resamples 4000",
  ],
  sections: { Flags: settings },
};

interface Shown {
  name: string;
  value: number | null;
  /** Over items; null where undefined. */
  interval: Interval | null;
  means: string;
}

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const source = needed(words[0], { help, what: "FILE" });
  const { labels, leftOut } = await readJudgements(source, (await readProject(source, s.store))?.judgements);
  const result = { ...summarise(labels, s), leftOut };
  io.out(s.json ? JSON.stringify(result) : asText(result, io.columns));
  return exitCodes.ok;
});

function summarise(labels: readonly JudgedLabel[], { resamples, seed }: { resamples: number; seed: number }) {
  const { categories, ordered, values } = orderOfLabels(labels.map(({ label }) => label));
  const annotators = [...new Set(labels.map(({ annotator }) => annotator))].toSorted();
  const place = new Map(annotators.map((name, k) => [name, k]));
  const byItem = new Map<string, (string | null)[]>();
  for (const { item, annotator, label } of labels) {
    const row = byItem.get(item) ?? annotators.map(() => null);
    row[place.get(annotator)!] = label;
    byItem.set(item, row);
  }
  const ratings = [...byItem.values()];
  const { counts } = countRatings(ratings, categories);
  const { codes } = codeRatings(ratings, categories);
  const options = { resamples, seed };
  const pairs = raterPairs(codes, { categories: categories.length });
  return {
    items: ratings.length,
    judgedTwice: percentAgreement(counts).items,
    judgements: labels.length,
    annotators: raterAgreement(pairs, { raters: annotators.length }).map((each, k) => ({
      annotator: annotators[k]!,
      judgements: ratings.filter((row) => row[k] !== null).length,
      ...each,
    })),
    categories: categories.map((label, k) => ({
      label,
      share: counts.reduce((sum, row) => sum + row[k]!, 0) / labels.length,
    })),
    coefficients: coefficients(counts, { ordered, values, codes, options }),
    /** With other people too, not only other items. */
    alphaTwoWay: twoWayBootstrap(codes, { categories: categories.length, coefficient: "alpha", ...options }),
    pairs: pairs.map(({ first, second, observed, value, items }) => ({
      first: annotators[first]!,
      second: annotators[second]!,
      items,
      agreement: observed,
      cohenKappa: value,
    })),
    left: leftRate(labels),
    ceiling: ceiling(counts, { categories, options }),
  };
}

interface Counted {
  ordered: boolean;
  values: number[] | undefined;
  codes: (number | null)[][];
  options: { resamples: number; seed: number };
}

function coefficients(
  counts: readonly (readonly number[])[],
  { ordered, values, codes, options }: Counted,
): Shown[] {
  const grouped = groupCounts(counts);
  const shown = (name: string, means: string, statistic: Parameters<typeof bootstrapCounts>[1]): Shown => ({
    name,
    value: statistic(grouped.counts, { repeats: grouped.repeats }),
    interval: bootstrapCounts(grouped.counts, statistic, { ...options, repeats: grouped.repeats }),
    means,
  });
  const rows = [
    shown(
      "percent agreement",
      "two people who see the same item say the same; chance is not taken out",
      (rows, o) => percentAgreement(rows, o).agreement,
    ),
    shown(
      "Krippendorff alpha, nominal",
      "1 is perfect, 0 is chance; takes missing labels; low when one answer is rare",
      (rows, o) => krippendorffAlpha(rows, o),
    ),
    shown(
      "Fleiss kappa",
      "as alpha, without its correction for few items",
      (rows, o) => fleissKappa(rows, o).value,
    ),
    shown(
      "Gwet AC1",
      "chance by difficulty: stays high where one answer is rare",
      (rows, o) => gwetAC(rows, o).value,
    ),
    shown(
      "Brennan-Prediger",
      "chance is one over the number of answers",
      (rows, o) => brennanPrediger(rows, o).value,
    ),
  ];
  // Needs to know who said what, so items cannot be grouped by counts; the interval is the analytic one.
  const conger = congerKappa(codes, { categories: counts[0]?.length ?? 0 });
  rows.push({
    name: "Conger kappa",
    value: conger.value,
    interval:
      conger.value === null || conger.standardError === null
        ? null
        : {
            low: conger.value - 1.96 * conger.standardError,
            high: Math.min(1, conger.value + 1.96 * conger.standardError),
          },
    means: "as Fleiss, with every person's own habits as chance; Cohen's kappa for two",
  });
  if (ordered && (counts[0]?.length ?? 0) > 2) {
    rows.push(
      shown("Krippendorff alpha, ordinal", "far apart on the scale weighs more than near", (rows, o) =>
        krippendorffAlpha(rows, { ...o, metric: "ordinal" }),
      ),
    );
    if (values !== undefined) {
      rows.push(
        shown("Krippendorff alpha, interval", "by squared distance of the numbers", (rows, o) =>
          krippendorffAlpha(rows, { ...o, metric: "interval", values }),
        ),
      );
    }
  }
  return rows;
}

function leftRate(labels: readonly JudgedLabel[]) {
  const decided = labels.filter(({ left }) => left !== null);
  if (decided.length === 0) return null;
  const chosen = decided.filter(({ left }) => left).length;
  return {
    chosen,
    decided: decided.length,
    rate: chosen / decided.length,
    interval: wilsonInterval(chosen, decided.length),
    p: binomialTest(chosen, decided.length),
  };
}

/** Only for two answers, besides ties and "both bad": those are left out. */
function ceiling(
  counts: readonly (readonly number[])[],
  { categories, options }: { categories: readonly string[]; options: { resamples: number; seed: number } },
): NoiseCeiling | null {
  const undecided = categories.map((label) => /^(tie.*|both.?bad|equal|neither)$/i.test(label));
  const side = categories.map((label, k) => (undecided[k] ? "" : label.replace(/ (much|slightly)$/, "")));
  // PandaLM's codes: 0 tie, 1 first, 2 second.
  if (categories.join() === "0,1,2") side[0] = "";
  const sides = [...new Set(side.filter((name) => name !== ""))];
  if (sides.length !== 2) return null;
  return noiseCeiling(
    counts.map((row) => sides.map((name) => row.reduce((sum, n, k) => sum + (side[k] === name ? n : 0), 0))),
    options,
  );
}

type Summary = ReturnType<typeof summarise> & { leftOut: Record<string, number> };

const fixed = (value: number | null): string => (value === null ? "undefined" : value.toFixed(3));
const span = (interval: Interval | null): string =>
  interval === null ? "" : `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`;

function asText(r: Summary, width: number): string {
  const say = (text: string): string => wrap(text, { width, indent: 2 });
  const parts = [
    `${counted(r.judgements, "judgement")} of ${counted(r.items, "item")} by ${counted(r.annotators.length, "annotator")}; ${counted(r.judgedTwice, "item")} judged at least twice`,
  ];
  for (const [reason, n] of Object.entries(r.leftOut)) parts.push(`  left out: ${n} x ${reason}`);
  parts.push(
    `  answers: ${r.categories.map(({ label, share }) => `${label} ${percent(share, 0)}`).join(", ")}`,
  );
  if (r.judgedTwice === 0) {
    return [
      ...parts,
      "",
      say(
        "No item was judged by two people, so agreement is unknown. Ask for an overlap of 2 on some items.",
      ),
    ].join("\n");
  }
  parts.push(
    "",
    table(
      [
        ["", "value", "95% interval", ""],
        ...r.coefficients.map(({ name, value, interval, means }) => [
          name,
          fixed(value),
          span(interval),
          means,
        ]),
      ],
      { right: [1] },
    ),
    "",
  );
  if (r.judgedTwice < 50) {
    parts.push(
      say(
        `${counted(r.judgedTwice, "item")} judged twice are few: read the intervals, not the values. attune power says how many would do.`,
      ),
    );
  }
  parts.push(say(inWords(r)));
  if (r.alphaTwoWay !== null && r.annotators.length < 10) {
    parts.push(
      say(`With other people as well as other items, nominal alpha could have been ${span(r.alphaTwoWay)}.`),
    );
  }
  parts.push(
    "",
    "People",
    table(
      [
        ["", "judgements", "shared", "agrees with others"],
        ...r.annotators.map((a) => [
          a.annotator,
          String(a.judgements),
          String(a.shared),
          a.agreement === null ? "-" : percent(a.agreement),
        ]),
      ],
      { right: [1, 2, 3] },
    ),
    "",
  );
  parts.push(
    r.left === null
      ? say("Side: not kept in this file, so a habit of choosing the left cannot be seen.")
      : say(sideText(r.left)),
  );
  parts.push(
    r.ceiling === null
      ? say("Noise ceiling: needs a choice between two answers.")
      : say(ceilingText(r.ceiling)),
  );
  return parts.join("\n");
}

function inWords({ coefficients: rows, categories }: Summary): string {
  const alpha = rows[1]!;
  const ac1 = rows[3]!;
  if (alpha.value === null)
    return "Only one answer was ever given: chance-corrected agreement is undefined, not perfect.";
  const low = alpha.interval?.low ?? alpha.value;
  const verdict =
    low >= 0.8
      ? "Alpha is reliable by Krippendorff's rule (0.8) even at the low end of its interval."
      : low >= 0.667
        ? "Alpha allows tentative conclusions (0.667, Krippendorff's rule) even at its low end."
        : (alpha.interval?.high ?? alpha.value) < 0.667
          ? "Alpha is below 0.667 (Krippendorff's rule) throughout its interval. Preferences of taste are often here: it says that people differ, not that they are careless."
          : "Alpha may be above or below 0.667 (Krippendorff's rule): judge more items before concluding.";
  const rare =
    Math.max(...categories.map(({ share }) => share)) > 0.8 &&
    ac1.value !== null &&
    ac1.value - alpha.value > 0.2;
  return rare
    ? `${verdict} One answer is given most of the time, which presses alpha and kappa down: read AC1 beside them.`
    : verdict;
}

const sideText = ({ chosen, decided, rate, interval, p }: NonNullable<Summary["left"]>): string =>
  `Side: the left answer was chosen ${chosen} of ${decided} times, ${percent(rate)} (${percent(interval.low)} to ${percent(interval.high)}), p = ${p.toPrecision(2)}. ${
    p < 0.05
      ? "People favour a side: fit it (attune rank) and show repeats with sides swapped."
      : "No habit of side is seen; with few judgements a small one would not be."
  }`;

function ceilingText({ agreement, lowest, highest, lowestInterval, highestInterval }: NoiseCeiling): string {
  if (agreement === null || lowest === null) return "Noise ceiling: no item has two decided judgements.";
  const among = `Two people agree ${percent(agreement)} of the time on decided pairs.`;
  if (highest === null)
    return `Noise ceiling: ${among} That is below one half: these labels teach nothing about which answer is better.`;
  const interval =
    lowestInterval && highestInterval
      ? ` (95%: ${percent(lowestInterval.low)} to ${percent(highestInterval.high)})`
      : "";
  return `Noise ceiling: ${among} A reward model cannot be right about one person's label more than ${percent(lowest)} to ${percent(highest)} of the time${interval}; higher accuracy on such labels is luck or leakage.`;
}
