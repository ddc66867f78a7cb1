/** `attune power`: how many pairs are needed, and what so many can show. Knows plans, no data. */
import {
  comparisonsForGap,
  designEffect,
  detectableWinRate,
  pairsForHalfWidth,
  pairsForWinRate,
  powerForWinRate,
} from "../stats/index.js";
import { flag, number, optionalNumber, optionalWhole, whole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun } from "./define-run.js";
import { wrap } from "./help.js";
import { count, percent, table } from "./show.js";

const settings = {
  win_rate: optionalNumber({
    above: 0,
    below: 1,
    doc: "The smallest win rate that would matter, other than 0.5.",
    source: "a table of 52% to 70%",
  }),
  pairs: optionalWhole({ min: 1, doc: "You have so many pairs: what can they show?", source: "none" }),
  half_width: optionalNumber({
    above: 0,
    below: 0.5,
    doc: "Pairs for an interval of plus or minus this.",
    source: "none",
  }),
  models: optionalWhole({ min: 2, doc: "Judgements for a leaderboard of so many models.", source: "none" }),
  elo_gap: number(50, { above: 0, doc: "With --models: the gap in Elo points to be seen.", source: "" }),
  alpha: number(0.05, {
    above: 0,
    below: 1,
    doc: "Two-sided chance of a false alarm.",
    source: "convention",
  }),
  power: number(0.8, { above: 0, below: 1, doc: "Chance of seeing what is there.", source: "Cohen 1988" }),
  tie_share: number(0, {
    min: 0,
    below: 1,
    doc: "Share of judgements that are ties and decide nothing.",
    source: "",
  }),
  per_prompt: whole(1, { min: 1, doc: "Judgements of each prompt.", source: "" }),
  correlation: number(0.3, {
    min: 0,
    max: 1,
    doc: "With --per-prompt above 1: how alike judgements of one prompt are (intraclass correlation).",
    source: "a guess to be replaced by a pilot",
  }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune power",
  about:
    "How many pairs do I need? Pairs to tell a win rate from one half, what a number of pairs can show, pairs for an interval of a wanted width, judgements for a leaderboard. Judgements of one prompt are worth less than as many of different prompts; --per-prompt takes that into account.",
  positionals: [],
  examples: [
    "attune power --win-rate 0.55",
    "attune power --pairs 200",
    "attune power --half-width 0.03 --tie-share 0.2",
    "attune power --models 6 --elo-gap 40",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: s, io }) => {
  const design = designEffect(s.per_prompt, s.per_prompt > 1 ? s.correlation : 0);
  const o = { alpha: s.alpha, power: s.power, tieShare: s.tie_share, design };
  const spread = { alpha: s.alpha, tieShare: s.tie_share, design };
  const plain =
    s.win_rate === undefined && s.pairs === undefined && s.half_width === undefined && s.models === undefined;
  const rates = s.win_rate === undefined ? (plain ? [0.52, 0.55, 0.6, 0.65, 0.7] : []) : [s.win_rate];
  const result = {
    ...o,
    winRates: rates.map((winRate) => ({ winRate, pairs: pairsForWinRate(winRate, o) })),
    ...(s.pairs !== undefined && {
      given: {
        pairs: s.pairs,
        detectable: detectableWinRate(s.pairs, o),
        ...(s.win_rate !== undefined && {
          powerAtWinRate: powerForWinRate(s.win_rate, { ...spread, pairs: s.pairs }),
        }),
      },
    }),
    ...(s.half_width !== undefined && {
      interval: { halfWidth: s.half_width, pairs: pairsForHalfWidth(s.half_width, spread) },
    }),
    ...(s.models !== undefined && {
      leaderboard: {
        models: s.models,
        eloGap: s.elo_gap,
        ...comparisonsForGap((s.elo_gap * Math.LN10) / 400, { ...o, players: s.models }),
      },
    }),
  };
  io.out(s.json ? JSON.stringify(result) : asText(result, io.columns));
  return exitCodes.ok;
});

interface Plan {
  alpha: number;
  power: number;
  tieShare: number;
  design: number;
  winRates: { winRate: number; pairs: number }[];
  given?: { pairs: number; detectable: number | null; powerAtWinRate?: number };
  interval?: { halfWidth: number; pairs: number };
  leaderboard?: { models: number; eloGap: number; perPair: number; total: number };
}

function asText(r: Plan, width: number): string {
  const say = (text: string): string => wrap(text, { width, indent: 2 });
  const parts: string[] = [];
  if (r.winRates.length > 0) {
    parts.push(
      "To tell a win rate from one half",
      table(
        [["win rate", "pairs"], ...r.winRates.map(({ winRate, pairs }) => [percent(winRate), count(pairs)])],
        { right: [0, 1] },
      ),
    );
  }
  if (r.given !== undefined) {
    const { pairs, detectable, powerAtWinRate } = r.given;
    parts.push(
      detectable === null
        ? say(`${count(pairs)} pairs are too few to show even a win rate of 100%.`)
        : say(
            `${count(pairs)} pairs show a win rate of ${percent(detectable)} or more (or ${percent(1 - detectable)} or less).`,
          ),
    );
    if (powerAtWinRate !== undefined)
      parts.push(
        say(
          `A win rate of ${percent(r.winRates[0]!.winRate)} would be seen ${percent(powerAtWinRate, 0)} of the time.`,
        ),
      );
  }
  if (r.interval !== undefined)
    parts.push(
      say(
        `${count(r.interval.pairs)} pairs give a win rate to within ${percent(r.interval.halfWidth)} either way.`,
      ),
    );
  if (r.leaderboard !== undefined) {
    const { models, eloGap, perPair, total } = r.leaderboard;
    parts.push(
      say(
        `${count(total)} judgements (${count(perPair)} for each two of ${models} models) show a gap of ${eloGap} Elo points between neighbours.`,
      ),
    );
  }
  const ties = r.tieShare > 0 ? `, ${percent(r.tieShare, 0)} ties` : "";
  const design = r.design > 1 ? `, design effect ${r.design.toFixed(2)}` : "";
  parts.push(
    "",
    say(
      `Seen ${percent(r.power, 0)} of the time, with a false alarm ${percent(r.alpha, 0)} of the time${ties}${design}; by the normal approximation.`,
    ),
    say(
      "It means: a study of this size would probably notice. It does not mean that a difference which is not noticed is not there.",
    ),
  );
  return parts.join("\n");
}
