/** What a rollout was like, and where an online run's time goes, in a line each. Knows no method. */
import type { RolloutReport } from "../train/index.js";
import { duration, percent, short } from "./show.js";

/** `rollout 3: reward 0.41, KL 1.2, 15.3 tokens, 2% cut off`, then what was left out. */
export function rolloutLine({ rollout, metrics: m }: RolloutReport): string {
  const parts = [
    `reward ${short(m["reward"]!)}`,
    `KL ${short(m["objective/kl"]!)}`,
    `${short(m["completions/mean_length"]!)} tokens`,
  ];
  const told = (name: string, words: (x: number) => string): void => {
    const value = m[name] ?? 0;
    if (value > 0) parts.push(words(value));
  };
  told("completions/clipped_ratio", (x) => `${percent(x, 0)} cut off`);
  told("completions/empty", (n) => `${n} empty`);
  told("frac_reward_zero_std", (x) => `${percent(x, 0)} of the groups all equal, skipped`);
  told("objective/dropped_prompts", (n) => `${n} prompts without a pair`);
  told("prompts/too_long", (n) => `${n} prompts too long, left out`);
  return `rollout ${rollout}: ${parts.join(", ")}`;
}

const places = ["generation", "reward", "scoring", "update"] as const;

export interface RolloutClock {
  /** The metrics of an update. */
  add(metrics: Readonly<Record<string, number>>): void;
  /** Undefined where there was no rollout. */
  line(): string | undefined;
}

/** Adds up where the time went: a rollout's share once, an update's every time. */
export function rolloutClock(): RolloutClock {
  const seconds = { generation: 0, reward: 0, scoring: 0, update: 0 };
  let last: number | undefined;
  return {
    add: (metrics) => {
      const { rollout } = metrics;
      if (rollout === undefined) return;
      seconds.update += metrics["time/update"] ?? 0;
      if (rollout === last) return;
      last = rollout;
      for (const name of ["generation", "reward", "scoring"] as const)
        seconds[name] += metrics[`time/${name}`] ?? 0;
    },
    line: () => {
      const total = places.reduce((sum, name) => sum + seconds[name], 0);
      if (last === undefined || total === 0) return undefined;
      const shares = places.map((name) => `${name} ${percent(seconds[name] / total, 0)}`);
      return `time: ${duration(total)}, ${shares.join(", ")}`;
    },
  };
}
