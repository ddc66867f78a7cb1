/**
 * Maximum likelihood for any outcome model: strengths, order effect, covariates and the tie parameter by Fisher scoring. Knows
 * counted comparisons; the model comes in as a value.
 */
import { AttuneError } from "../../errors.js";
import { dot, invertPositive, multiply, zeros } from "../linear-algebra.js";
import { maximize } from "../newton.js";
import { comparisonGroups } from "./comparison-groups.js";
import type { OutcomeModel } from "./outcome-models.js";
import { checkPairs, type PairCount } from "./pairs.js";

export interface FitOptions {
  /** How many players there are; default: as many as are named. */
  players?: number;
  /** Fit δ, what being `first` (shown left, at home) is worth: d = θ_i - θ_j + δ. Default false. */
  orderEffect?: boolean;
  /**
   * Precision (1 / variance) of a Gaussian prior around 0 on every strength; default 0, none. Needed where results do not tie all
   * players together; 0.1 is weak (a standard deviation of 3.2 on the log-odds scale).
   */
  prior?: number;
  /** The same for the coefficients of `features`; default 0. arena-rank and FastChat use such a ridge on style. */
  ridge?: number;
  /** What a tie is to a model without ties: `half` a win each, as chess and Chatbot Arena count (default), or `drop`. */
  ties?: "half" | "drop";
}

export interface Estimate {
  value: number;
  /** From the inverse information. */
  standardError: number;
  /** Robust to a wrong model: I⁻¹ (Σ s sᵀ) I⁻¹, s the score of one comparison (White 1982). */
  sandwichError: number;
}

export interface PairedFit {
  /** θ, natural-log scale (probit scale for Thurstone), mean 0. [players] */
  strengths: number[];
  standardErrors: number[];
  sandwichErrors: number[];
  /** [players, players]; of the centred strengths, or the posterior's where there is a prior. Differences need all of it. */
  covariance: number[][];
  orderEffect: Estimate | null;
  /** One a feature. */
  coefficients: Estimate[];
  /** The tie parameter on its log scale: ln ν (Davidson) or ln θ (Rao-Kupper). Null for models without ties. */
  tie: Estimate | null;
  /** Without the binomial coefficients; without the prior. */
  logLikelihood: number;
  /** 2 (log-likelihood of the observed shares - that of the fit), over the pairs as given, and its degrees of freedom. */
  deviance: number;
  degreesOfFreedom: number;
  iterations: number;
}

/** One row of counts with its place in the vector of parameters [players | order effect | features | tie]. */
interface Row {
  counts: readonly [number, number, number];
  /** d = Σ value · parameter. */
  terms: readonly (readonly [parameter: number, value: number])[];
}

export function fitPairs(
  where: string,
  { pairs, model, options }: { pairs: readonly PairCount[]; model: OutcomeModel; options: FitOptions },
): PairedFit {
  const { players, features } = checkPairs(where, pairs, options);
  const { orderEffect = false, prior = 0, ridge = 0, ties = "half" } = options;
  for (const [name, value] of Object.entries({ prior, ridge })) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new AttuneError("usage", {
        where: `${where}: ${name}`,
        expected: "a precision >= 0",
        got: String(value),
      });
    }
  }
  if (prior === 0) refuseSeparated(where, pairs, { players, dropTies: !model.ties && ties === "drop" });
  const order = orderEffect ? 1 : 0;
  const size = players + order + features + (model.ties ? 1 : 0);
  const tiePlace = size - 1;
  const rows = pairs.map((pair) => readRow(pair, { players, order, model, ties }));
  const total = rows.reduce((n, { counts }) => n + counts[0] + counts[1] + counts[2], 0);
  const tied = rows.reduce((n, { counts }) => n + counts[1], 0);
  if (model.ties && (tied === 0 || tied === total)) {
    throw new AttuneError("data", {
      where,
      expected: "some ties and some decisions",
      got: `${tied} ties of ${total}`,
      fix: tied === 0 ? "use bradleyTerry" : "nothing can be ranked yet",
    });
  }
  const penalty = Array.from({ length: size }, (_, place) =>
    place < players ? prior : place >= players + order && place < players + order + features ? ridge : 0,
  );
  const start = new Array<number>(size).fill(0);
  if (model.ties) start[tiePlace] = model.start(tied / total);
  const { parameters, iterations } = maximize(
    {
      valueAt: (at) =>
        logLikelihood(rows, { model, at, tiePlace }) -
        at.reduce((sum, value, k) => sum + (penalty[k]! * value * value) / 2, 0),
      derive(at) {
        const { score, information } = derive(rows, { model, at, tiePlace });
        for (let k = 0; k < size; k++) {
          score[k]! -= penalty[k]! * at[k]!;
          information[k]![k]! += penalty[k]!;
        }
        return { score, curvature: pinned(information, { players, prior }) };
      },
    },
    {
      where,
      start,
      fix: "pass a prior (0.1) and a ridge, or drop the feature or order effect that the results do not determine",
    },
  );
  return describe({ rows, model, parameters, players, order, features, penalty, prior, iterations });
}

function readRow(
  { first, second, firstWins, secondWins, ties: tied = 0, features = [] }: PairCount,
  {
    players,
    order,
    model,
    ties,
  }: { players: number; order: number; model: OutcomeModel; ties: "half" | "drop" },
): Row {
  const half = !model.ties && ties === "half" ? tied / 2 : 0;
  const terms: [number, number][] = [
    [first, 1],
    [second, -1],
  ];
  if (order === 1) terms.push([players, 1]);
  for (const [place, value] of features.entries()) terms.push([players + order + place, value]);
  return { counts: [firstWins + half, model.ties ? tied : 0, secondWins + half], terms };
}

const differenceOf = (row: Row, at: readonly number[]) =>
  row.terms.reduce((sum, [parameter, value]) => sum + value * at[parameter]!, 0);

function logLikelihood(
  rows: readonly Row[],
  { model, at, tiePlace }: { model: OutcomeModel; at: readonly number[]; tiePlace: number },
): number {
  let sum = 0;
  for (const row of rows) {
    const { chance } = model.outcomes(differenceOf(row, at), at[tiePlace]!);
    for (const [k, count] of row.counts.entries()) {
      if (count > 0) sum += chance[k]! > 0 ? count * Math.log(chance[k]!) : -Infinity;
    }
  }
  return sum;
}

/** Score and expected information; with `squared`, Σ s sᵀ over single comparisons instead of the information. */
function derive(
  rows: readonly Row[],
  {
    model,
    at,
    tiePlace,
    squared = false,
  }: { model: OutcomeModel; at: readonly number[]; tiePlace: number; squared?: boolean },
): { score: number[]; information: number[][] } {
  const score = new Array<number>(at.length).fill(0);
  const information = zeros(at.length);
  for (const row of rows) {
    const { chance, slopeD, slopeT } = model.outcomes(differenceOf(row, at), at[tiePlace]!);
    const all = row.counts[0] + row.counts[1] + row.counts[2];
    const terms = model.ties ? [...row.terms, [tiePlace, NaN] as const] : row.terms;
    for (let outcome = 0; outcome < 3; outcome++) {
      const p = Math.max(chance[outcome]!, 1e-300);
      if (chance[outcome] === 0 && row.counts[outcome] === 0) continue;
      // What this outcome says of each parameter: its slope over its chance.
      const says = terms.map(([place, value]) => [
        place,
        Number.isNaN(value) ? slopeT[outcome]! / p : (value * slopeD[outcome]!) / p,
      ]) as [number, number][];
      const weight = squared ? row.counts[outcome]! : all * chance[outcome]!;
      for (const [k, left] of says) {
        score[k]! += row.counts[outcome]! * left;
        const line = information[k]!;
        for (const [l, right] of says) line[l]! += weight * left * right;
      }
    }
  }
  return { score, information };
}

/** The common shift of all strengths is not identified: 11ᵀ/n fixes it without moving anything else. */
function pinned(information: number[][], { players, prior }: { players: number; prior: number }): number[][] {
  if (prior > 0) return information;
  return information.map((line, k) =>
    line.map((value, l) => value + (k < players && l < players ? 1 / players : 0)),
  );
}

function refuseSeparated(
  where: string,
  pairs: readonly PairCount[],
  { players, dropTies }: { players: number; dropTies: boolean },
): void {
  const counted = dropTies ? pairs.map((pair) => ({ ...pair, ties: 0 })) : pairs;
  const { groups } = comparisonGroups(counted, { players });
  if (groups.length === 1) return;
  const shown = groups
    .slice(0, 4)
    .map((group) => `[${group.slice(0, 6).join(" ")}${group.length > 6 ? " ..." : ""}]`);
  throw new AttuneError("data", {
    where,
    expected: "results that tie all players together (everyone reachable by wins from everyone)",
    got: `${groups.length} groups: ${shown.join(" > ")}${groups.length > 4 ? " ..." : ""}`,
    fix: "pass prior: 0.1, or rank each group apart (comparisonGroups)",
  });
}

interface Fitted {
  rows: readonly Row[];
  model: OutcomeModel;
  parameters: number[];
  players: number;
  order: number;
  features: number;
  penalty: readonly number[];
  prior: number;
  iterations: number;
}

function describe(fitted: Fitted): PairedFit {
  const { rows, model, players, order, features, penalty, prior, iterations } = fitted;
  const tiePlace = fitted.parameters.length - 1;
  const centre = fitted.parameters.slice(0, players).reduce((a, b) => a + b, 0) / players;
  const at = fitted.parameters.map((value, k) => (k < players ? value - centre : value));
  const { information } = derive(rows, { model, at, tiePlace });
  const penalised = information.map((line, k) => line.map((value, l) => value + (k === l ? penalty[k]! : 0)));
  const inverse = invertPositive(pinned(penalised, { players, prior }))!;
  // (I + 11ᵀ/n)⁻¹ has the common shift's variance in it, which a sum fixed at 0 does not have.
  const covariance =
    prior > 0
      ? inverse
      : inverse.map((line, k) =>
          line.map((value, l) => value - (k < players && l < players ? 1 / players : 0)),
        );
  const { information: squares } = derive(rows, { model, at, tiePlace, squared: true });
  const sandwich = multiply(multiply(covariance, squares), covariance);
  const error = (matrix: readonly (readonly number[])[], k: number) => Math.sqrt(Math.max(0, matrix[k]![k]!));
  const estimate = (k: number): Estimate => ({
    value: at[k]!,
    standardError: error(covariance, k),
    sandwichError: error(sandwich, k),
  });
  const logLikelihoodAt = logLikelihood(rows, { model, at, tiePlace });
  const saturated = rows.reduce((sum, { counts }) => {
    const all = counts[0] + counts[1] + counts[2];
    return (
      sum + counts.reduce<number>((part, count) => part + (count > 0 ? count * Math.log(count / all) : 0), 0)
    );
  }, 0);
  const cells = rows.filter(({ counts }) => counts[0] + counts[1] + counts[2] > 0).length;
  const places = Array.from({ length: players }, (_, k) => k);
  return {
    strengths: at.slice(0, players),
    standardErrors: places.map((k) => error(covariance, k)),
    sandwichErrors: places.map((k) => error(sandwich, k)),
    covariance: covariance.slice(0, players).map((line) => line.slice(0, players)),
    orderEffect: order === 1 ? estimate(players) : null,
    coefficients: Array.from({ length: features }, (_, k) => estimate(players + order + k)),
    tie: model.ties ? estimate(tiePlace) : null,
    logLikelihood: logLikelihoodAt,
    deviance: 2 * (saturated - logLikelihoodAt),
    degreesOfFreedom: cells * (model.ties ? 2 : 1) - (at.length - 1),
    iterations,
  };
}

/** θ_i - θ_j with its standard error, from one fit. */
export function strengthDifference(
  fit: Pick<PairedFit, "strengths" | "covariance">,
  { first, second }: { first: number; second: number },
): { value: number; standardError: number } {
  const contrast = fit.strengths.map((_, k) => (k === first ? 1 : 0) - (k === second ? 1 : 0));
  const variance = dot(
    contrast,
    fit.covariance.map((line) => dot(line, contrast)),
  );
  return {
    value: fit.strengths[first]! - fit.strengths[second]!,
    standardError: Math.sqrt(Math.max(0, variance)),
  };
}
