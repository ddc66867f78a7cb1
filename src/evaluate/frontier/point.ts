/**
 * A frontier: what reward each way of learning bought for how much KL. Points as a table and as CSV, and which of them no other
 * beats. Knows numbers, no training. Reward against KL is figure 2 of Rafailov et al. 2023, "Direct Preference Optimization"
 * (2305.18290).
 */

/** A mean with its standard error between prompts. */
export interface Measured {
  readonly mean: number;
  readonly standardError: number;
}

export interface FrontierPoint {
  readonly method: string;
  /** Weight of the KL, or for best of n the n; null for the start. */
  readonly beta: number | null;
  /** Nats an answer, against the start. */
  readonly kl: Measured;
  /** Of the reward model. */
  readonly reward: Measured;
  /** Tokens of an answer; null where it was not measured (best of n), as in the next. */
  readonly length: Measured | null;
  /** Share of answers that ended by themselves. */
  readonly finished: Measured | null;
  /** The KL is a bound and not measured (best of n). */
  readonly bound?: boolean;
  /** Of training; 0 where there is none. */
  readonly seconds: number;
  /** Folder of the run. */
  readonly run?: string;
}

/** Points that no other beats in both reward and KL, by rising KL. */
export function undominated(points: readonly FrontierPoint[]): FrontierPoint[] {
  return points
    .filter(
      (own) =>
        !points.some(
          (other) =>
            other !== own &&
            other.kl.mean <= own.kl.mean &&
            other.reward.mean >= own.reward.mean &&
            (other.kl.mean < own.kl.mean || other.reward.mean > own.reward.mean),
        ),
    )
    .sort((a, b) => a.kl.mean - b.kl.mean);
}

const columns = [
  "method",
  "beta",
  "kl",
  "kl_se",
  "kl_is_bound",
  "reward",
  "reward_se",
  "length",
  "finished",
  "seconds",
  "undominated",
  "run",
] as const;

/** RFC 4180, a header and a line a point. */
export function frontierCsv(points: readonly FrontierPoint[]): string {
  const best = new Set(undominated(points));
  const rows = points.map((point) => [
    point.method,
    point.beta ?? "",
    point.kl.mean,
    point.kl.standardError,
    point.bound === true,
    point.reward.mean,
    point.reward.standardError,
    point.length?.mean ?? "",
    point.finished?.mean ?? "",
    point.seconds,
    best.has(point),
    point.run ?? "",
  ]);
  const quoted = (value: string | number | boolean): string => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}
