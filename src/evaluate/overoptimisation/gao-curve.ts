/**
 * Gao et al.'s curves of reward against distance, fitted by weighted least squares. Knows points, not where they come from.
 *
 *   best of n:   R(d) = d (alpha - beta d)         peak at d = alpha / (2 beta)
 *   RL:          R(d) = d (alpha - beta log d)     peak at d = exp(alpha / beta - 1)
 *
 * d = sqrt(KL(policy || start)), KL in nats an answer; R: reward less that of the start.
 * Gao, Schulman, Hilton 2023, "Scaling laws for reward model overoptimization" (2210.10760), section 3.
 *
 * Deviations: 1. alpha and beta come with intervals; 2. a peak is told only where beta is above 0 beyond chance, since without
 * that nothing says that the curve turns.
 */
import { AttuneError } from "../../errors.js";
import type { Interval } from "../../stats/index.js";
import { invertPositive } from "../../stats/linear-algebra.js";
import { studentQuantile } from "../../stats/special-functions.js";

export type GaoForm = "best-of-n" | "rl";

export interface GaoPoint {
  /** Nats an answer; points at or below 0 (possible for an estimate near the start) are left out. */
  readonly kl: number;
  /** Less the reward of the start. */
  readonly reward: number;
  /** Of the reward; given for all points or for none. */
  readonly standardError?: number;
}

export interface GaoCoefficient extends Interval {
  readonly value: number;
  readonly standardError: number;
}

export interface GaoCurve {
  readonly form: GaoForm;
  readonly alpha: GaoCoefficient;
  readonly beta: GaoCoefficient;
  /** Share of the variance about 0 that the curve explains. */
  readonly fit: number;
  readonly points: number;
  /** Null where beta is not above 0 beyond chance. */
  readonly peak: { readonly distance: number; readonly kl: number; readonly reward: number } | null;
  /** Reward less the start's at a KL in nats. */
  readonly rewardAt: (kl: number) => number;
}

/**
 * Intervals are Student's with n - 2 degrees of freedom; errors of the points weigh them, the scatter about the curve sets the
 * scale.
 *
 * @throws AttuneError `usage` for fewer than three points away from the start, or all at one distance; `numeric` for numbers
 *   that are not finite
 */
export function fitGaoCurve(
  points: readonly GaoPoint[],
  { form = "rl", level = 0.95 }: { form?: GaoForm; level?: number } = {},
): GaoCurve {
  const where = "fitGaoCurve";
  const errors = points.filter(({ standardError }) => standardError !== undefined).length;
  const bad = points.find(
    ({ kl, reward, standardError: e }) =>
      !Number.isFinite(kl) || !Number.isFinite(reward) || (e !== undefined && !(e > 0 && Number.isFinite(e))),
  );
  if (bad || (errors > 0 && errors < points.length)) {
    throw new AttuneError("numeric", {
      where,
      expected: "finite KL and reward, and standard errors above 0 for all points or for none",
      got: bad ? JSON.stringify(bad) : `${errors} errors for ${points.length} points`,
    });
  }
  const used = points.filter(({ kl }) => kl > 0);
  const bent = (d: number): number => (form === "rl" ? -d * Math.log(d) : -d * d);
  const rows = used.map(({ kl, reward, standardError = 1 }) => {
    const d = Math.sqrt(kl);
    return { a: d, b: bent(d), y: reward, w: 1 / standardError ** 2 };
  });
  const total = (of: (row: (typeof rows)[number]) => number): number =>
    rows.reduce((sum, row) => sum + row.w * of(row), 0);
  const normal = [
    [total(({ a }) => a * a), total(({ a, b }) => a * b)],
    [total(({ a, b }) => a * b), total(({ b }) => b * b)],
  ];
  const inverse = rows.length < 3 ? null : invertPositive(normal);
  if (inverse === null) {
    throw new AttuneError("usage", {
      where,
      expected: "at least three points with KL above 0, at different distances",
      got: `${rows.length} of ${points.length} points`,
      fix: "measure at more steps, or let the policy go further",
    });
  }
  const right = [total(({ a, y }) => a * y), total(({ b, y }) => b * y)];
  const [alpha, beta] = inverse.map((row) => row[0]! * right[0]! + row[1]! * right[1]!) as [number, number];
  const squares = total(({ a, b, y }) => (y - alpha * a - beta * b) ** 2);
  const degrees = rows.length - 2;
  const scale = squares / degrees;
  const quantile = studentQuantile((1 + level) / 2, degrees);
  const coefficient = (value: number, variance: number): GaoCoefficient => {
    const standardError = Math.sqrt(variance * scale);
    return {
      value,
      standardError,
      low: value - quantile * standardError,
      high: value + quantile * standardError,
    };
  };
  const rewardAt = (kl: number): number => {
    if (!(kl > 0)) return 0;
    const d = Math.sqrt(kl);
    return alpha * d + beta * bent(d);
  };
  const own = { alpha: coefficient(alpha, inverse[0]![0]!), beta: coefficient(beta, inverse[1]![1]!) };
  return {
    form,
    ...own,
    fit: 1 - squares / total(({ y }) => y * y),
    points: rows.length,
    peak: own.beta.low > 0 ? peakOf({ form, alpha, beta, rewardAt }) : null,
    rewardAt,
  };
}

function peakOf(o: {
  form: GaoForm;
  alpha: number;
  beta: number;
  rewardAt: (kl: number) => number;
}): NonNullable<GaoCurve["peak"]> {
  const distance = o.form === "rl" ? Math.exp(o.alpha / o.beta - 1) : Math.max(0, o.alpha / (2 * o.beta));
  const kl = distance ** 2;
  return { distance, kl, reward: o.rewardAt(kl) };
}
