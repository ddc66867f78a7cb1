/** What recipes ask of answers: whether one can be learned from, what it is paid, means of numbers. Knows no method. */
import { type RolloutRow, total } from "./rollout.js";
import type { OnlineSettings } from "./settings.js";

/** The reward of an answer, less the penalty where it did not end. */
export const paid = (
  { score, ended }: Pick<RolloutRow, "score" | "ended">,
  { missing_eos_penalty: penalty }: OnlineSettings,
): number => (ended ? score : score - penalty);

/** An answer that can be learned from: it says something, and it ended where that is asked for. */
export const usable = ({ tokens, ended }: RolloutRow, s: OnlineSettings): boolean =>
  tokens.length > 0 && (ended || !s.mask_truncated_completions);

export const mean = (list: readonly number[]): number => total(list) / Math.max(1, list.length);
/** Share of answers that ended by themselves. */
export const endedShare = (list: readonly { readonly ended: boolean }[]): number =>
  mean(list.map(({ ended }) => Number(ended)));
