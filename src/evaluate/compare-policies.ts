/**
 * Compares models by the answers they wrote to the same prompts: who wins against whom, and what the answers are like.
 * Knows scored answers, neither models nor where a score comes from.
 */
import { AttuneError } from "../errors.js";
import { compareScores, winRate, type BootstrapOptions, type WinRate } from "../stats/index.js";

/** An answer with the number by which answers are compared; larger is better. */
export interface ScoredAnswer {
  score: number;
  /** What is resampled together: the prompt, or what several prompts have in common. */
  cluster: string;
}

/**
 * Win rate of `ours` over `theirs`, answer i against answer i, which must have been given to the same prompt; a difference within
 * `tieWithin` is a tie and counts half. Interval: bootstrap over clusters.
 */
export function pairedWinRate(
  { ours, theirs }: { ours: readonly ScoredAnswer[]; theirs: readonly ScoredAnswer[] },
  { tieWithin = 1e-9, ...bootstrap }: BootstrapOptions & { tieWithin?: number } = {},
): WinRate {
  const stray = ours.findIndex(({ cluster }, i) => cluster !== theirs[i]?.cluster);
  if (stray >= 0 || ours.length !== theirs.length) {
    throw new AttuneError("usage", {
      where: "pairedWinRate",
      expected: "answers of both sides to the same prompts in the same order",
      got:
        stray < 0
          ? `${ours.length} and ${theirs.length} answers`
          : `${ours[stray]!.cluster} and ${theirs[stray]?.cluster ?? "nothing"} at ${stray}`,
    });
  }
  const comparisons = ours.map(({ score, cluster }, i) => ({
    outcome: compareScores(score, theirs[i]!.score, { tieWithin }),
    cluster,
  }));
  return winRate(comparisons, bootstrap);
}
