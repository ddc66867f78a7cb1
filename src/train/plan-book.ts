/**
 * Which attention plans a run may use. Every plan is a graph of its own, so only those that recur in the first batches are
 * kept; a batch takes the cheapest kept plan that covers it, or all causal blocks. A pure function of the data's order, so
 * that a resumed run computes the very same numbers.
 */
import type { Batch } from "../data/index.js";
import { type AttentionPlan, causalPlan, planAttention, planCost, planCovers } from "../models/index.js";

/** Batches looked at. */
const sample = 32;
/** A plan is kept when at least this share of them has it. */
const share = 1 / 8;

export type PlanBook = (batch: Batch) => AttentionPlan;

export function planBook(first: readonly Batch[]): PlanBook {
  const looked = first.slice(0, sample);
  const found = new Map<string, { plan: AttentionPlan; count: number }>();
  for (const batch of looked) {
    const plan = planAttention(batch);
    const key = JSON.stringify(plan.queries);
    const entry = found.get(key);
    if (entry) entry.count++;
    else found.set(key, { plan, count: 1 });
  }
  const kept = [...found.values()]
    .filter(({ count }) => count >= share * looked.length)
    .map(({ plan }) => plan)
    .sort((a, b) => planCost(a) - planCost(b));
  return (batch) => {
    const needed = planAttention(batch);
    return kept.find((plan) => planCovers(plan, needed)) ?? causalPlan(batch.length);
  };
}

/** How many batches `planBook` looks at. */
export const planSample = sample;
