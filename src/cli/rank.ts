/** `attune rank`: a leaderboard from who beat whom, with intervals and its warnings. Comparisons come from a file or a project of the store. */
import { AttuneError } from "../errors.js";
import {
  bradleyTerry,
  comparisonGroups,
  davidson,
  type FitOptions,
  fragility,
  orderIsTold,
  intransitivity,
  type PairCount,
  rankBounds,
  toElo,
} from "../stats/index.js";
import { choice, flag, number } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { type Comparison, readComparisons } from "./comparison-rows.js";
import { defineRun, needed } from "./define-run.js";
import { wrap } from "./help.js";
import { storeSettings } from "./open-store.js";
import { counted, percent, table } from "./show.js";
import { readProject, shownPairs } from "./store/judged-rows.js";

const settings = {
  ties: choice("model", {
    choices: ["model", "half", "drop"],
    doc: "Ties: modelled (Davidson), half a win each, or dropped.",
    source: "Davidson 1970; Chatbot Arena uses half",
  }),
  length: flag(true, {
    doc: "Take the length of the answers out where the file has them.",
    source: "style control, Chatbot Arena",
  }),
  side: flag(true, { doc: "Fit what being shown first is worth.", source: "Agresti 2002, 10.6" }),
  prior: number(0, {
    min: 0,
    doc: "Precision of a Gaussian prior on strengths; 0.1 is weak. Needed where a model never won or never lost.",
    source: "0: maximum likelihood",
  }),
  ...storeSettings,
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune rank",
  about:
    "Ranks models by who beat whom: Bradley-Terry with ties, the advantage of being shown first and of being longer taken out, 95% intervals from robust errors, the ranks that the intervals leave open, and warnings: cycles, groups that never met, how few votes carry the first place. FILE is attune:PROJECT (whose answers say which model wrote them), or holds rows of model_a, model_b and winner (model_a, model_b, tie), the first one shown left; response_a and response_b, where there, give the lengths. Everybody against one model: attune win-rate.",
  positionals: ["FILE"],
  examples: [
    "attune rank attune:my-project",
    "attune rank votes.jsonl",
    "attune rank votes.csv --prior 0.1",
    "attune rank votes.jsonl --no-length --ties half --json",
  ],
  sections: { Flags: settings },
};

/** A comparison with a winner. */
interface Duel {
  first: string;
  second: string;
  winner: "first" | "second" | "tie";
  /** (a - b) / (a + b) of the lengths in characters; undefined where not known. */
  longer: number | undefined;
}

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const source = needed(words[0], { help, what: "FILE" });
  const judged = await readProject(source, s.store);
  const read = await readComparisons(source, judged && shownPairs(judged));
  const comparisons = read.comparisons.flatMap(duelOf);
  const leftOut = { ...read.leftOut };
  const shares = read.comparisons.length - comparisons.length;
  if (shares > 0) leftOut["a judge's probability instead of a winner (attune win-rate takes it)"] = shares;
  if (comparisons.length === 0)
    throw new AttuneError("data", {
      where: source,
      expected: "rows that say who won",
      got: `${counted(shares, "row")} with a judge's probability`,
      fix: "attune win-rate FILE --baseline NAME",
    });
  // Judgements from elsewhere do not always say what was shown where.
  const side = s.side && (judged === undefined || judged.judgements.every((each) => each.shown_order));
  const result = { ...rank(comparisons, { ...s, side, source }), leftOut };
  io.out(s.json ? JSON.stringify(result) : asText(result, io.columns));
  return exitCodes.ok;
});

/** Nothing where a judge gave a probability. */
function duelOf({ first, second, share, lengths }: Comparison): Duel[] {
  const winner = share === 1 ? "first" : share === 0 ? "second" : share === 0.5 ? "tie" : undefined;
  const longer = lengths && (lengths.first - lengths.second) / (lengths.first + lengths.second + 1);
  return winner === undefined ? [] : [{ first, second, winner, longer }];
}

type Settings = {
  ties: "model" | "half" | "drop";
  length: boolean;
  side: boolean;
  prior: number;
  source: string;
};

function rank(comparisons: readonly Duel[], s: Settings) {
  const models = [...new Set(comparisons.flatMap(({ first, second }) => [first, second]))].toSorted();
  const place = new Map(models.map((name, k) => [name, k]));
  const withLength =
    s.length &&
    comparisons.every(({ longer }) => longer !== undefined) &&
    comparisons.some(({ longer }) => longer !== 0);
  const pairs = comparisons.map(({ first, second, winner, longer }) => ({
    first: place.get(first)!,
    second: place.get(second)!,
    firstWins: winner === "first" ? 1 : 0,
    secondWins: winner === "second" ? 1 : 0,
    ties: winner === "tie" ? 1 : 0,
    ...(withLength && { features: [longer!] }),
  }));
  const players = models.length;
  const plain = merge(pairs);
  const { groups, islands } = comparisonGroups(plain, { players });
  if (groups.length > 1 && s.prior === 0) {
    throw new AttuneError("data", {
      where: s.source,
      expected:
        "results that tie all models together (everyone won against and lost to the others, directly or through others)",
      got: `${groups.length} groups: ${groups.map((group) => group.map((k) => models[k]).join(", ")).join(" | ")}`,
      fix: "collect more comparisons between the groups, or pass --prior 0.1",
    });
  }
  const ties = comparisons.filter(({ winner }) => winner === "tie").length;
  // Where the first shown always wins (files that list the winner first), the effect of side has no finite size; where one of two
  // models is always first, it is that model's strength.
  const sided =
    ["first", "second"].every((side) => comparisons.some(({ winner }) => winner === side)) &&
    orderIsTold(plain, { players });
  const options: FitOptions = {
    players,
    orderEffect: s.side && sided,
    prior: s.prior,
    ridge: withLength ? 0.5 : 0,
  };
  const modelled = s.ties === "model" && ties > 0 && ties < comparisons.length;
  const rows = withLength ? pairs : plain;
  const fit = modelled
    ? davidson(rows, options)
    : bradleyTerry(rows, { ...options, ties: s.ties === "drop" ? "drop" : "half" });
  const lows = fit.strengths.map((value, k) => value - 1.96 * fit.sandwichErrors[k]!);
  const highs = fit.strengths.map((value, k) => value + 1.96 * fit.sandwichErrors[k]!);
  const [elo, eloLow, eloHigh] = [fit.strengths, lows, highs].map((each) => toElo(each)) as [
    number[],
    number[],
    number[],
  ];
  const bounds = rankBounds(lows, highs);
  const cycles = intransitivity(plain, { players });
  const fragile = players < 2 || groups.length > 1 ? null : fragility(plain, { players, prior: s.prior });
  return {
    comparisons: comparisons.length,
    ties,
    model: modelled ? "Davidson" : "Bradley-Terry",
    leaderboard: models
      .map((model, k) => ({
        model,
        elo: elo[k]!,
        interval: { low: eloLow[k]!, high: eloHigh[k]! },
        strength: fit.strengths[k]!,
        comparisons: comparisons.filter(({ first, second }) => first === model || second === model).length,
        ranks: bounds[k]!,
      }))
      .toSorted((x, y) => y.elo - x.elo),
    shownFirst: fit.orderEffect,
    length: withLength ? fit.coefficients[0]! : null,
    alwaysOneSide: s.side && !sided,
    islands: islands.length,
    cycles: cycles.cycles.map(({ players: three, weakest, p }) => ({
      models: three.map((k) => models[k]!),
      weakest,
      p,
    })),
    consistency: cycles.consistency,
    fragility:
      fragile === null
        ? null
        : {
            leader: models[fragile.leader]!,
            rival: fragile.rival === null ? null : models[fragile.rival]!,
            votes: fragile.votes,
            share: fragile.share,
          },
  };
}

/** The same two models in the same order become one row of counts. */
function merge(pairs: readonly PairCount[]): PairCount[] {
  const merged = new Map<string, PairCount>();
  for (const { first, second, firstWins, secondWins, ties = 0 } of pairs) {
    const known = merged.get(`${first} ${second}`) ?? { first, second, firstWins: 0, secondWins: 0, ties: 0 };
    merged.set(`${first} ${second}`, {
      first,
      second,
      firstWins: known.firstWins + firstWins,
      secondWins: known.secondWins + secondWins,
      ties: (known.ties ?? 0) + ties,
    });
  }
  return [...merged.values()];
}

type Result = ReturnType<typeof rank> & { leftOut: Record<string, number> };

function asText(r: Result, width: number): string {
  const say = (text: string): string => wrap(text, { width, indent: 2 });
  const rows = r.leaderboard.map(({ model, elo, interval, comparisons, ranks }) => [
    ranks.best === ranks.worst ? String(ranks.best) : `${ranks.best}-${ranks.worst}`,
    model,
    elo.toFixed(0),
    `${interval.low.toFixed(0)} to ${interval.high.toFixed(0)}`,
    String(comparisons),
  ]);
  const parts = [
    `${counted(r.comparisons, "comparison")}, ${r.ties} of them ties; ${r.model}`,
    ...Object.entries(r.leftOut).map(([reason, n]) => `  left out: ${n} x ${reason}`),
    "",
    table([["rank", "model", "points", "95% interval", "comparisons"], ...rows], { right: [2, 4] }),
    "",
    say(
      "100 points are odds of 1.8 to 1, 400 are 10 to 1; 1000 is the mean of these models. Ranks are those that the intervals leave open. It says whom these judges preferred on these prompts, not who is right.",
    ),
  ];
  if (r.shownFirst !== null) {
    const { value, sandwichError: error } = r.shownFirst;
    const share = 1 / (1 + Math.exp(-value));
    parts.push(
      say(
        `Shown first: between equals the first wins ${percent(share)}${Math.abs(value) > 1.96 * error ? ", more than chance explains; taken out above." : ", within chance."}`,
      ),
    );
  }
  if (r.length !== null) {
    const { value, sandwichError: error } = r.length;
    parts.push(
      say(
        `Length: ${Math.abs(value) <= 1.96 * error ? "no clear preference for longer or shorter answers" : `judges prefer ${value > 0 ? "longer" : "shorter"} answers`} (coefficient ${value.toFixed(2)} +/- ${(1.96 * error).toFixed(2)}); taken out above.`,
      ),
    );
  }
  if (r.alwaysOneSide) {
    parts.push(
      say(
        "Warning: the winner or the model always stands on the same side here, so a habit of side cannot be told from merit.",
      ),
    );
  }
  if (r.islands > 1)
    parts.push(
      say(`Warning: ${r.islands} groups of models never met; only the prior puts them on one scale.`),
    );
  for (const { models, weakest } of r.cycles.slice(0, 3)) {
    parts.push(
      say(
        `Warning: a cycle. ${models[0]} beats ${models[1]} beats ${models[2]} beats ${models[0]} (closest majority ${percent(weakest, 0)}); one order cannot show it.`,
      ),
    );
  }
  if (r.fragility?.votes) {
    const { votes, share, leader, rival } = r.fragility;
    parts.push(
      say(
        `Without ${counted(votes, "vote")} (${percent(share!)}), ${rival} would lead instead of ${leader}.`,
      ),
    );
  }
  return parts.join("\n");
}
