/** When a policy has collapsed: its KL, its entropy, or how far an update has left its own answers. Knows no rollouts to come. */
import { AttuneError } from "../../errors.js";
import type { RolloutRow } from "./rollout.js";
import type { OnlineSettings } from "./settings.js";

/** Throws `invariant` where a rollout passes `stop_kl` or `stop_entropy`. */
export function checkCollapse(
  rows: readonly RolloutRow[],
  metrics: Readonly<Record<string, number>>,
  { stop_kl: most, stop_entropy: least }: Pick<OnlineSettings, "stop_kl" | "stop_entropy">,
): void {
  const kl = metrics["objective/kl"]!;
  const tokens = rows.reduce((n, row) => n + row.tokens.length, 0);
  const entropy = (metrics["objective/entropy"]! * rows.length) / Math.max(1, tokens);
  if (most > 0 && kl > most) throw collapsed(`a KL of at most ${most} nats an answer`, kl.toFixed(1));
  if (least > 0 && entropy < least)
    throw collapsed(`an entropy of at least ${least} nats a token`, entropy.toFixed(4));
}

/** Beyond this an update has left the answers that it learns from: their ratios mean nothing any more. */
const mostDrift = 50;

export function checkDrift(metrics: Readonly<Record<string, number>>): void {
  const drift = metrics["policy/approxkl_avg"] ?? 0;
  if (drift > mostDrift)
    throw collapsed(`policy/approxkl_avg of at most ${mostDrift} after an update`, drift.toFixed(1));
}

/** No checkpoint is written behind it; which one is from before, the loop knows. */
const collapsed = (expected: string, got: string): AttuneError =>
  new AttuneError("invariant", {
    where: "the policy collapsed",
    expected,
    got,
    fix: "a lower learning rate, a larger KL coefficient or fewer passes",
  });
