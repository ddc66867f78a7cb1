/** Published rankings and worked examples. */
import { describe, expect, it } from "vitest";
import {
  arenaChances,
  bootstrapPairs,
  bradleyTerry,
  bradleyTerryMM,
  comparisonGroups,
  davidson,
  eloExpected,
  eloRatings,
  eloUpdate,
  pairInformation,
  pairsFromMatrix,
  plackettLuce,
  plackettLuceMM,
  rankBounds,
  raoKupper,
  raoKupperMM,
  skillRatings,
  strengthDifference,
  thurstone,
  thurstoneClassical,
  toElo,
  toWorths,
} from "../../src/stats/index.js";
import {
  baseball,
  baseballWins,
  citations,
  hockeyPairs,
  hockeyTeams,
  nascar,
  pudding,
  vegetables,
} from "./ranking-examples.js";

/** Every number within 1e-6 of its place unless said. */
function near(values: readonly number[], expected: readonly number[], digits = 6) {
  expect(values).toHaveLength(expected.length);
  for (const [k, value] of expected.entries()) expect(values[k]).toBeCloseTo(value, digits);
}
const relative = (values: readonly number[], to: number) => values.map((value) => value - values[to]!);

describe("Bradley-Terry on the citations of four journals", () => {
  const fit = bradleyTerry(pairsFromMatrix(citations));
  it("gives the published abilities and errors relative to Biometrika", () => {
    near(relative(fit.strengths, 0), [0, -2.9490725, -0.47956977, 0.26895406], 7);
    near(
      [1, 2, 3].map((k) => strengthDifference(fit, { first: k, second: 0 }).standardError),
      [0.10254534, 0.06058873, 0.07082997],
      7,
    );
  });
  it("gives the centred strengths with plain and sandwich errors", () => {
    near(fit.strengths, [0.789922, -2.15915, 0.310352, 1.058876]);
    near(fit.standardErrors, [0.04333, 0.07258, 0.041641, 0.053047]);
    near(fit.sandwichErrors, [0.042878, 0.072947, 0.041446, 0.053868]);
  });
  it("gives deviance 4.293384 on 3 degrees of freedom and log-likelihood -1622.889809", () => {
    expect(fit.deviance).toBeCloseTo(4.293384, 6);
    expect(fit.degreesOfFreedom).toBe(3);
    expect(fit.logLikelihood).toBeCloseTo(-1622.889809, 6);
    // R counts the binomial coefficients in: the same fit has -20.19694 there.
    const logFactorial = (n: number) =>
      Array.from({ length: n }, (_, k) => Math.log(k + 1)).reduce((a, b) => a + b, 0);
    const coefficients = pairsFromMatrix(citations).map(
      ({ firstWins: won, secondWins: lost }) =>
        logFactorial(won + lost) - logFactorial(won) - logFactorial(lost),
    );
    expect(fit.logLikelihood + coefficients.reduce((a, b) => a + b, 0)).toBeCloseTo(-20.19694, 5);
  });
  it("is the same by MM, in some 66 steps", () => {
    const mm = bradleyTerryMM(pairsFromMatrix(citations));
    near(mm.strengths, fit.strengths, 10);
    expect(mm.logLikelihood).toBeCloseTo(fit.logLikelihood, 9);
    expect(Math.abs(mm.iterations - 66)).toBeLessThan(5);
  });
  it("is 1137, 625, 1054 and 1184 on the Elo scale, JRSS-B within 18.34", () => {
    near(toElo(fit.strengths), [1137.22, 624.92, 1053.91, 1183.95], 2);
    expect(1.959964 * fit.standardErrors[3]! * (400 / Math.LN10)).toBeCloseTo(18.06, 1);
    expect(1.959964 * fit.sandwichErrors[3]! * (400 / Math.LN10)).toBeCloseTo(18.34, 2);
  });
  it("has a vote bootstrap that agrees with the error", () => {
    const result = bootstrapPairs(
      pairsFromMatrix(citations),
      (pairs) => relative(bradleyTerry(pairs).strengths, 0),
      { resamples: 1000 },
    )!;
    expect(Math.abs(result.deviations[1]! - 0.104)).toBeLessThan(0.007);
    expect(Math.abs(result.low[1]! + 3.163)).toBeLessThan(0.03);
    expect(Math.abs(result.high[1]! + 2.757)).toBeLessThan(0.03);
    expect(result.fitted).toBe(1000);
  });
});

describe("Bradley-Terry on the American League", () => {
  it("gives the published abilities relative to Baltimore, deviance 44.05346 on 36", () => {
    const fit = bradleyTerry(baseball);
    near(relative(fit.strengths, 0), [0, 1.107698, 0.683853, 1.436408, 1.581356, 1.247618, 1.294485]);
    near(
      [1, 2, 3, 4, 5, 6].map((k) => strengthDifference(fit, { first: k, second: 0 }).standardError),
      [0.333878, 0.331877, 0.339569, 0.343256, 0.335861, 0.336669],
    );
    expect(fit.deviance).toBeCloseTo(44.05346, 5);
    expect(fit.degreesOfFreedom).toBe(36);
    near(bradleyTerry(pairsFromMatrix(baseballWins)).strengths, fit.strengths, 9);
  });
  it("gives the home effect 0.302 (0.131), deviance 38.64285 on 35", () => {
    const fit = bradleyTerry(baseball, { orderEffect: true });
    expect(fit.orderEffect!.value).toBeCloseTo(0.30226066, 7);
    expect(fit.orderEffect!.standardError).toBeCloseTo(0.130944, 6);
    expect(fit.deviance).toBeCloseTo(38.64285, 5);
    expect(fit.degreesOfFreedom).toBe(35);
    const worths = [...toWorths(fit.strengths)].sort((a, b) => a - b);
    near(worths, [0.044, 0.088, 0.137, 0.157, 0.164, 0.19, 0.22], 3);
  });
});

describe("Bradley-Terry on small and awkward tables", () => {
  const won = (text: string) =>
    text.split(",").map((game) => {
      const [by, over] = [...game].map((name) => "ABCD".indexOf(name));
      return { first: by!, second: over!, firstWins: 1, secondWins: 0 };
    });
  it("gives Wikipedia's worths .640 1.043 .660 2.270", () => {
    const wins = [
      [0, 2, 0, 1],
      [3, 0, 5, 0],
      [0, 3, 0, 1],
      [4, 0, 3, 0],
    ];
    near(bradleyTerry(pairsFromMatrix(wins)).strengths.map(Math.exp), [0.64, 1.043, 0.66, 2.27], 3);
  });
  const cycle = [...won("AB,AB"), ...won("BC,CA")];
  it("gives the cycle of choix, with and without prior", () => {
    near(bradleyTerry(cycle).strengths, [0.41961762, -0.41961762, 0], 7);
    const posterior = bradleyTerry(cycle, { prior: 0.1 });
    near(posterior.strengths, [0.384486, -0.384486, 0]);
    near(posterior.standardErrors, [1.9875, 1.9875, 2.0355], 4);
  });
  it("refuses separated results, names the groups, and takes them with a prior", () => {
    const separated = won("AB,AB,BC,BC");
    expect(() => bradleyTerry(separated)).toThrow(/3 groups: \[0\] > \[1\] > \[2\][\s\S]*prior/);
    expect(() => bradleyTerryMM(separated)).toThrow(/3 groups/);
    near(bradleyTerry(separated, { prior: 0.1 }).strengths, [2.128035, 0, -2.128035]);
    near(bradleyTerry(separated, { prior: 1 }).strengths, [0.674832, 0, -0.674832]);
    expect(comparisonGroups(separated)).toEqual({ groups: [[0], [1], [2]], islands: [[0, 1, 2]] });
  });
  it("ranks islands with a prior only, and says that they are islands", () => {
    const islands = won("AB,BA,CD,CD,DC");
    expect(comparisonGroups(islands).islands).toHaveLength(2);
    expect(() => bradleyTerry(islands)).toThrow(/2 groups/);
    const { strengths, standardErrors } = bradleyTerry(islands, { prior: 0.1 });
    expect(strengths[0]).toBeCloseTo(strengths[1]!, 9);
    expect(strengths[2]).toBeGreaterThan(strengths[3]!);
    expect(Math.min(...standardErrors)).toBeGreaterThan(1.5);
  });
  it("does not depend on the order of pairs, on who is named first, or on the names", () => {
    const pairs = pairsFromMatrix(citations);
    const fit = bradleyTerry(pairs);
    near(bradleyTerry([...pairs].reverse()).strengths, fit.strengths, 10);
    const turned = pairs.map(({ first, second, firstWins, secondWins }) => ({
      first: second,
      second: first,
      firstWins: secondWins,
      secondWins: firstWins,
    }));
    near(bradleyTerry(turned).strengths, fit.strengths, 10);
    const renamed = pairs.map((pair) => ({ ...pair, first: 3 - pair.first, second: 3 - pair.second }));
    near([...bradleyTerry(renamed).strengths].reverse(), fit.strengths, 10);
  });
  it("counts a tie as half a win each, or drops it", () => {
    near(
      toWorths(bradleyTerry(pudding).strengths),
      [0.146075, 0.171473, 0.163279, 0.165935, 0.161023, 0.192214],
    );
    const dropped = bradleyTerry(pudding, { ties: "drop" }).strengths;
    near(dropped, bradleyTerry(pudding.map((pair) => ({ ...pair, ties: 0 }))).strengths, 12);
  });
  it("finds what a covariate is worth, and refuses one that separates", () => {
    // Two equal players; the longer answer wins 3 of 4 at a difference of 1 in length: the coefficient is ln 3.
    const pairs = [
      { first: 0, second: 1, firstWins: 75, secondWins: 25, features: [1] },
      { first: 0, second: 1, firstWins: 25, secondWins: 75, features: [-1] },
    ];
    const fit = bradleyTerry(pairs);
    expect(fit.coefficients[0]!.value).toBeCloseTo(Math.log(3), 9);
    near(fit.strengths, [0, 0], 9);
    expect(fit.coefficients[0]!.standardError).toBeCloseTo(1 / Math.sqrt(200 * 0.75 * 0.25), 9);
    const separating = pairs.map((pair) => ({
      ...pair,
      firstWins: pair.features[0] === 1 ? 9 : 0,
      secondWins: pair.features[0] === 1 ? 0 : 9,
    }));
    expect(() => bradleyTerry(separating)).toThrow(/finite maximum/);
    expect(bradleyTerry(separating, { ridge: 0.5 }).coefficients[0]!.value).toBeGreaterThan(1);
  });
  it("refuses what is no comparison", () => {
    expect(() => bradleyTerry([])).toThrow(/at least two players/);
    expect(() => bradleyTerry([{ first: 0, second: 0, firstWins: 1, secondWins: 1 }])).toThrow(
      /pair 0: expected two different/,
    );
    expect(() => bradleyTerry([{ first: 0, second: 1, firstWins: NaN, secondWins: 1 }])).toThrow(
      /finite counts/,
    );
    expect(() =>
      bradleyTerry([{ first: 0, second: 5, firstWins: 1, secondWins: 1 }], { players: 3 }),
    ).toThrow(/below 3/);
  });
});

describe("KRACH of college ice hockey, 1,083 games with draws", () => {
  it("has that many games", () => {
    const games = hockeyPairs.map(({ firstWins, secondWins, ties = 0 }) => firstWins + secondWins + ties);
    expect(games.reduce((a, b) => a + b, 0)).toBe(1083);
  });
  it("gives the published ratings of the first six", () => {
    const { strengths } = bradleyTerry(hockeyPairs);
    const worths = strengths.map(Math.exp);
    // KRACH: 100 is a team that would win half of a game against everyone, so Σ_others K / (K + 100) is half their number.
    const winning = (k: number) =>
      worths.reduce((sum, other, j) => (j === k ? sum : sum + worths[k]! / (worths[k]! + other)), 0) /
      (worths.length - 1);
    const shown = hockeyTeams
      .map((name, k) => ({ name, rating: worths[k]!, winning: winning(k) }))
      .sort((a, b) => b.rating - a.rating)
      .slice(0, 6);
    expect(shown.map(({ name }) => name)).toEqual([
      "Denver",
      "Miami",
      "Wisconsin",
      "North Dakota",
      "Boston College",
      "St. Cloud State",
    ]);
    near(
      shown.map((team) => team.winning),
      [0.8145, 0.7991, 0.797, 0.7812, 0.7441, 0.7437],
      4,
    );
    near(
      shown.map((team) => team.rating / shown[0]!.rating),
      [543, 488.2, 481.3, 434.3, 346.2, 345.3].map((k) => k / 543),
      3,
    );
  });
});

describe("ties as an outcome, on chocolate puddings", () => {
  it("gives Davidson's converged worths and ν", () => {
    const fit = davidson(pudding);
    near(toWorths(fit.strengths), [0.138803, 0.173001, 0.161747, 0.165373, 0.158685, 0.202389]);
    expect(Math.exp(fit.tie!.value)).toBeCloseTo(0.746823, 6);
    expect(fit.logLikelihood).toBeCloseTo(-809.70951, 6);
    // Davidson stopped after seven rounds by hand.
    const published = [0.1388005, 0.1729985, 0.161742, 0.165393, 0.1586805, 0.2023855];
    for (const [k, worth] of toWorths(fit.strengths).entries())
      expect(Math.abs(worth - published[k]!)).toBeLessThan(2.5e-5);
    expect(Math.abs(Math.exp(fit.tie!.value) - 0.7468147)).toBeLessThan(1e-5);
  });
  it("gives Rao and Kupper's, by scoring and by MM, whose likelihood never falls", () => {
    const fit = raoKupper(pudding);
    near(toWorths(fit.strengths), [0.144399, 0.171794, 0.162817, 0.166078, 0.160381, 0.194531]);
    expect(Math.exp(fit.tie!.value)).toBeCloseTo(1.748457, 6);
    expect(fit.logLikelihood).toBeCloseTo(-809.697133, 6);
    const mm = raoKupperMM(pudding);
    near(mm.strengths, fit.strengths, 9);
    expect(mm.theta).toBeCloseTo(1.748457, 6);
    for (const [round, value] of mm.likelihoods.entries()) {
      if (round > 0) expect(value).toBeGreaterThanOrEqual(mm.likelihoods[round - 1]! - 1e-9);
    }
  });
  it("finds an order effect beside the ties", () => {
    const biased = pudding.map((pair) => ({ ...pair, firstWins: pair.firstWins + 20 }));
    expect(davidson(biased, { orderEffect: true }).orderEffect!.value).toBeGreaterThan(0.4);
    expect(raoKupper(biased, { orderEffect: true }).orderEffect!.value).toBeGreaterThan(0.4);
  });
  it("refuses results without ties", () => {
    expect(() => davidson(pairsFromMatrix(citations))).toThrow(/some ties[\s\S]*use bradleyTerry/);
    expect(() => raoKupperMM(pairsFromMatrix(citations))).toThrow(/some ties/);
  });
});

describe("Plackett-Luce", () => {
  const partial = [
    [0, 1, 2],
    [3, 2, 0],
    [1, 3],
  ].map((order) => ({ order }));
  it("gives choix's partial rankings", () => {
    near(plackettLuce(partial).strengths, [-0.4433085, 0.6950679, -0.6706096, 0.4188502], 7);
    near(plackettLuceMM(partial).strengths, [-0.4433085, 0.6950679, -0.6706096, 0.4188502], 7);
  });
  it("gives Hunter's NASCAR 2002: log-worths, likelihood, worths", () => {
    const fit = plackettLuce(nascar);
    expect(fit.logLikelihood).toBeCloseTo(-4191.0973, 4);
    const fromCameron = relative(fit.strengths, 0);
    const [jones, pruett, martin] = [58, 68, 51].map((driver) => driver - 1);
    near(
      [jones!, pruett!, martin!].map((driver) => fromCameron[driver]!),
      [4.1477, 3.6162, 2.0763],
      4,
    );
    for (const published of [0.0258, -0.3113, -0.1451]) {
      expect(fromCameron.some((value) => Math.abs(value - published) < 1e-4)).toBe(true);
    }
    const worths = toWorths(fit.strengths);
    near(
      [jones!, pruett!, martin!].map((driver) => worths[driver]!),
      [0.1864, 0.10956, 0.02349],
      5,
    );
    // One race only: never a rating without its interval.
    expect(fit.standardErrors[jones!]!).toBeGreaterThan(3 * fit.standardErrors[martin!]!);
  });
  it("of pairs is Bradley-Terry, and of a choice among three is the shares", () => {
    const pairs = pairsFromMatrix(citations);
    const rankings = pairs.flatMap(({ first, second, firstWins, secondWins }) => [
      { order: [first, second], count: firstWins },
      { order: [second, first], count: secondWins },
    ]);
    near(plackettLuce(rankings).strengths, bradleyTerry(pairs).strengths, 9);
    const choices = [
      { order: [0], rest: [1, 2], count: 5 },
      { order: [1], rest: [0, 2], count: 3 },
      { order: [2], rest: [1, 0], count: 2 },
    ];
    near(toWorths(plackettLuce(choices).strengths), [0.5, 0.3, 0.2], 9);
  });
  it("refuses ties, doubles and who is always last; takes the last with a prior", () => {
    expect(() => plackettLuce([{ order: [0, 0] }])).toThrow(/different players/);
    expect(() => plackettLuce([{ order: [0, 1, 2] }, { order: [1, 0, 2] }])).toThrow(/2 groups/);
    const { strengths } = plackettLuce([{ order: [0, 1, 2] }, { order: [1, 0, 2] }], { prior: 0.1 });
    expect(strengths[2]).toBeLessThan(strengths[0]!);
    expect(() => plackettLuce([])).toThrow(/at least two players/);
  });
});

describe("Thurstone's case V", () => {
  it("gives Guilford's vegetables", () => {
    near(
      relative(thurstoneClassical(vegetables), 0),
      [0, 0.522, 0.6544, 0.9795, 1.1171, 1.1437, 1.4001, 1.4438, 1.6294],
      4,
    );
  });
  it("by maximum likelihood is near the classical one, and refuses shares of 0 in the classical one only", () => {
    const pairs = vegetables.flatMap((row, i) =>
      row.flatMap((share, j) =>
        i < j ? [{ first: j, second: i, firstWins: 148 * share, secondWins: 148 * (1 - share) }] : [],
      ),
    );
    const classical = thurstoneClassical(vegetables);
    for (const [k, value] of thurstone(pairs).strengths.entries())
      expect(Math.abs(value - classical[k]!)).toBeLessThan(0.05);
    expect(() =>
      thurstoneClassical([
        [0.5, 1],
        [0, 0.5],
      ]),
    ).toThrow(/shares in \(0, 1\)/);
  });
});

describe("online ratings", () => {
  it("give the FIDE example: 1601.27", () => {
    const opponents = [1609, 1477, 1388, 1586, 1720];
    near(
      opponents.map((opponent) => eloExpected(1613, opponent)),
      [0.5058, 0.6863, 0.785, 0.5388, 0.3507],
      4,
    );
    const expected = opponents.reduce((total, opponent) => total + eloExpected(1613, opponent), 0);
    expect(expected).toBeCloseTo(2.8666, 4);
    // Lost, drew, won, won, lost.
    const games = opponents.map((opponent, k) => ({ opponent, score: [0, 0.5, 1, 1, 0][k]! }));
    expect(eloUpdate(1613, games)).toBeCloseTo(1601.27, 2);
  });
  const games = [
    { first: 0, second: 1, score: 1 },
    { first: 1, second: 2, score: 1 },
    { first: 0, second: 2, score: 0.5 },
    { first: 2, second: 0, score: 1 },
  ];
  it("depend on the order of games, and say so", () => {
    const elo = eloRatings(games);
    near(elo.ratings, [997.131094, 1000.736307, 1002.132599]);
    expect(elo.warnings).toEqual(["order", "few-games"]);
    expect(elo.orderSpread!.every((spread) => spread > 0.1)).toBe(true);
    expect(elo.games).toEqual([3, 2, 3]);
    expect(eloRatings([...games].reverse()).ratings[0]).not.toBeCloseTo(elo.ratings[0]!, 3);
    expect(eloRatings(games, { players: 5 }).warnings).toContain("islands");
  });
  it("after TrueSkill: a win makes 29.396 and 20.604, both at 7.171; a draw 25 at 6.458", () => {
    const win = skillRatings([{ first: 0, second: 1, score: 1 }]);
    // The Python package trueskill 0.4.5 with its exact (SciPy) backend; its built-in error function is good to 1e-6 only.
    near(win.ratings, [29.39583201999916, 20.604167980000835]);
    near(win.deviations, [7.171475587326195, 7.171475587326195]);
    const draw = skillRatings([{ first: 0, second: 1, score: 0.5 }]);
    near(draw.ratings, [25, 25], 9);
    near(draw.deviations, [6.457515683245051, 6.457515683245051]);
  });
  it("survive a surprise far in the tail", () => {
    const many = Array.from({ length: 300 }, () => ({ first: 0, second: 1, score: 1 }));
    const { ratings, deviations } = skillRatings([...many, { first: 1, second: 0, score: 1 }], {
      shuffles: 0,
    });
    expect([...ratings, ...deviations].every(Number.isFinite)).toBe(true);
    expect(() => eloRatings([{ first: 0, second: 1, score: 2 }])).toThrow(/score of 0, 0.5 or 1/);
  });
});

describe("ranks that intervals leave open", () => {
  it("count who is wholly above, as the Arena does, and who is not wholly below", () => {
    // Intervals 5-7, 4-6, 1-3, 1-5.5: the first overlaps the second and the fourth.
    expect(rankBounds([5, 4, 1, 1], [7, 6, 3, 5.5])).toEqual([
      { best: 1, worst: 3 },
      { best: 1, worst: 3 },
      { best: 3, worst: 4 },
      { best: 1, worst: 4 },
    ]);
    expect(() => rankBounds([2], [1])).toThrow(/low <= high/);
  });
});

describe("the next pair", () => {
  it.each([
    [0, 1, 0.111572, 0.093709],
    [0, 4, 0.346574, 0.231138],
    [2, 1, 0.04992, 0.054164],
    [2, 4, 0.175319, 0.1766],
  ])("information at mean %d, variance %d", (mean, variance, dOptimal, bald) => {
    const information = pairInformation(mean, variance);
    expect(information.dOptimal).toBeCloseTo(dOptimal, 6);
    expect(information.bald).toBeCloseTo(bald, 6);
  });
  it("is overrated by D-optimality where the posterior is wide: 6.9 times against BALD's 4.3", () => {
    const [wide, decided] = [pairInformation(0, 4), pairInformation(2, 1)];
    expect(wide.dOptimal / decided.dOptimal).toBeCloseTo(6.9, 1);
    expect(wide.bald / decided.bald).toBeCloseTo(4.3, 1);
  });
  it("by the Arena's rule", () => {
    near(
      arenaChances([
        { variance: 0.25, votes: 10 },
        { variance: 0.25, votes: 50 },
        { variance: 0.09, votes: 10 },
      ]),
      [0.590082, 0.055869, 0.354049],
    );
    expect(
      arenaChances([
        { variance: 0, votes: 0 },
        { variance: 0, votes: 3 },
      ]),
    ).toEqual([0.5, 0.5]);
  });
});
