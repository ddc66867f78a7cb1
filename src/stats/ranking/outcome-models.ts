/**
 * From the difference of two strengths to the chances of winning, tying and losing: Bradley-Terry, Thurstone, Davidson, Rao-Kupper.
 * Knows no players and no data.
 */
import { normalCdf } from "../special-functions.js";

/** Chances of first wins, tie, second wins, each with its slopes in the difference `d` and in the tie parameter `t`. */
export interface Outcomes {
  chance: readonly [number, number, number];
  slopeD: readonly [number, number, number];
  slopeT: readonly [number, number, number];
}

export interface OutcomeModel {
  /** Whether ties are an outcome of their own. */
  ties: boolean;
  outcomes(d: number, t: number): Outcomes;
  /** A start for the tie parameter at a share of ties in (0, 1). */
  start(tieShare: number): number;
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const none = [0, 0, 0] as const;

/** P(first) = σ(d) (Bradley and Terry 1952). */
export const bradleyTerryModel: OutcomeModel = {
  ties: false,
  start: () => 0,
  outcomes(d) {
    const p = logistic(d);
    const q = logistic(-d);
    return { chance: [p, 0, q], slopeD: [p * q, 0, -p * q], slopeT: none };
  },
};

/** P(first) = Φ(d): Thurstone's case V (1927), the unit being the standard deviation of a difference. */
export const thurstoneModel: OutcomeModel = {
  ties: false,
  start: () => 0,
  outcomes(d) {
    const density = Math.exp(-(d * d) / 2) / Math.sqrt(2 * Math.PI);
    return { chance: [normalCdf(d), 0, normalCdf(-d)], slopeD: [density, 0, -density], slopeT: none };
  },
};

/** P(tie) ∝ ν √(γ_i γ_j), P(first) ∝ γ_i (Davidson 1970); d = ln γ_i / γ_j, t = ln ν. */
export const davidsonModel: OutcomeModel = {
  ties: true,
  // For equal players P(tie) = ν / (2 + ν).
  start: (share) => Math.log((2 * share) / (1 - share)),
  outcomes(d, t) {
    const top = Math.max(d / 2, -d / 2, t);
    const weights = [Math.exp(d / 2 - top), Math.exp(t - top), Math.exp(-d / 2 - top)] as const;
    const total = weights[0] + weights[1] + weights[2];
    const [p, tie, q] = [weights[0] / total, weights[1] / total, weights[2] / total];
    const mean = (p - q) / 2;
    return {
      chance: [p, tie, q],
      slopeD: [p * (0.5 - mean), -tie * mean, q * (-0.5 - mean)],
      slopeT: [-p * tie, tie * (1 - tie), -q * tie],
    };
  },
};

/** P(first) = γ_i / (γ_i + θ γ_j), θ >= 1 (Rao and Kupper 1967); d = ln γ_i / γ_j, t = ln θ > 0. */
export const raoKupperModel: OutcomeModel = {
  ties: true,
  // For equal players P(tie) = (θ - 1) / (θ + 1).
  start: (share) => Math.log((1 + share) / (1 - share)),
  outcomes(d, t) {
    const p = logistic(d - t);
    const q = logistic(-d - t);
    const slopeP = p * (1 - p);
    const slopeQ = q * (1 - q);
    // 1 - p - q without the cancellation: (θ² - 1) γ_i γ_j / ((γ_i + θ γ_j)(θ γ_i + γ_j)).
    const tie = Math.expm1(2 * t) * p * q;
    return {
      chance: [p, tie, q],
      slopeD: [slopeP, slopeQ - slopeP, -slopeQ],
      slopeT: [-slopeP, slopeP + slopeQ, -slopeQ],
    };
  },
};
