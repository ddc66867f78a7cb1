/**
 * The items of a project in the order in which they were first drawn, with the chance that each had, so that what was measured on
 * chosen items can be weighted to hold for all. Knows no statistic beyond its weights.
 */
import { sql } from "drizzle-orm";
import { selectionWeights } from "../stats/index.js";
import type { Store } from "./context.js";
import type { Tally } from "./tallies.js";

export interface WeightedItem {
  item: string;
  tally: Tally;
  /** Mean 1 over many items; large for one that was unlikely to be chosen. */
  weight: number;
}

/** Judged task items with their weights; undefined where nothing was ever chosen actively, so that all weigh the same. */
export async function activeDraws(store: Store, project: string): Promise<WeightedItem[] | undefined> {
  const [{ active, items } = { active: false, items: 0 }] = await store.database.rows<{
    active: boolean;
    items: number;
  }>(sql`
    select exists (select from judgements where project = ${project} and policy = 'active') as active,
      (select coalesce(sum(n), 0)::int from patterns where project = ${project}) as items`);
  if (!active) return undefined;
  const draws = await store.database.rows<{ item: string; tally: Tally; probability: number | null }>(sql`
    select d.item, s.tally, case when d.policy = 'active' then d.probability end as probability
    from (select distinct on (item) item, policy, probability, started_at, seq from judgements
      where project = ${project} and purpose = 'task' and revision_of is null order by item, started_at, seq) d
    join item_states s on s.project = ${project} and s.item = d.item
    where s.valid > 0 order by d.started_at, d.seq`);
  const weights = selectionWeights(
    draws.map(({ probability }) => probability),
    items,
  );
  return draws.map(({ item, tally }, k) => ({ item, tally, weight: weights[k]! }));
}
