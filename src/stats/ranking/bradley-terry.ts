/** Strengths from comparisons that are won or lost: Bradley-Terry by scoring or by Hunter's MM. Knows counted comparisons. */
import { AttuneError } from "../../errors.js";
import { comparisonGroups } from "./comparison-groups.js";
import { fitPairs, type FitOptions, type PairedFit } from "./fit-pairs.js";
import { bradleyTerryModel } from "./outcome-models.js";
import { checkPairs, type PairCount } from "./pairs.js";

/**
 * P(i beats j) = σ(θ_i - θ_j + δ + xᵀb) (Bradley and Terry 1952; order effect δ as Agresti 2002, 10.6; covariates x as "style
 * control"). Newton's method, Σθ = 0. A tie is half a win each unless told otherwise; where ties matter use `davidson` or
 * `raoKupper`. Refuses results that leave a strength infinite unless a prior is given.
 */
export function bradleyTerry(pairs: readonly PairCount[], options: FitOptions = {}): PairedFit {
  return fitPairs("bradleyTerry", { pairs, model: bradleyTerryModel, options });
}

export interface MinorizeOptions {
  players?: number;
  /**
   * α of a Gamma(α + 1, α) prior on every worth: γ_i ← (W_i + α) / (Σ n_ij / (γ_i + γ_j) + α), worths of mean 1 (Caron and
   * Doucet 2012; choix). Default 0.
   */
  prior?: number;
  /** Stop when no normalised log-worth moves by more; default 1e-13. */
  tolerance?: number;
  /** Default 10,000. */
  iterations?: number;
}

/**
 * Hunter's MM algorithm (2004): γ_i ← W_i / Σ_j n_ij / (γ_i + γ_j). Slower than `bradleyTerry` and without errors, but it needs no
 * matrix (thousands of players) and cannot overshoot: the likelihood rises at every step. Ties are half a win each.
 */
export function bradleyTerryMM(
  pairs: readonly PairCount[],
  { players: given, prior = 0, tolerance = 1e-13, iterations = 10_000 }: MinorizeOptions = {},
): { strengths: number[]; logLikelihood: number; iterations: number } {
  const { players } = checkPairs("bradleyTerryMM", pairs, { players: given });
  if (!(prior >= 0)) {
    throw new AttuneError("usage", {
      where: "bradleyTerryMM: prior",
      expected: "a number >= 0",
      got: String(prior),
    });
  }
  const { groups } = comparisonGroups(pairs, { players });
  if (prior === 0 && groups.length > 1) {
    throw new AttuneError("data", {
      where: "bradleyTerryMM",
      expected: "results that tie all players together (everyone reachable by wins from everyone)",
      got: `${groups.length} groups`,
      fix: "pass prior: 0.1, or rank each group apart (comparisonGroups)",
    });
  }
  const wins = new Array<number>(players).fill(0);
  for (const { first, second, firstWins, secondWins, ties = 0 } of pairs) {
    wins[first]! += firstWins + ties / 2;
    wins[second]! += secondWins + ties / 2;
  }
  let logs = new Array<number>(players).fill(0);
  let rounds = 0;
  for (; rounds < iterations; rounds++) {
    const worths = worthsOf(logs);
    const below = new Array<number>(players).fill(prior);
    for (const { first, second, firstWins, secondWins, ties = 0 } of pairs) {
      const each = (firstWins + secondWins + ties) / (worths[first]! + worths[second]!);
      below[first]! += each;
      below[second]! += each;
    }
    const next = centred(wins.map((count, k) => Math.log((count + prior) / below[k]!)));
    const moved = Math.max(...next.map((value, k) => Math.abs(value - logs[k]!)));
    logs = next;
    if (moved < tolerance) break;
  }
  return {
    strengths: logs,
    logLikelihood: likelihoodOf(pairs, logs),
    iterations: Math.min(rounds + 1, iterations),
  };
}

/** Worths with mean 1, the scale that the prior is for. */
function worthsOf(logs: readonly number[]): number[] {
  const raw = logs.map(Math.exp);
  const mean = raw.reduce((a, b) => a + b, 0) / raw.length;
  return raw.map((worth) => worth / mean);
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.map((value) => value - mean);
}

function likelihoodOf(pairs: readonly PairCount[], strengths: readonly number[]): number {
  return pairs.reduce((sum, { first, second, firstWins, secondWins, ties = 0 }) => {
    const d = strengths[first]! - strengths[second]!;
    return (
      sum -
      (firstWins + ties / 2) * Math.log1p(Math.exp(-d)) -
      (secondWins + ties / 2) * Math.log1p(Math.exp(d))
    );
  }, 0);
}
