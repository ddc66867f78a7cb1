/** How far one person is, and what is left for them: small queries that do not depend on how much others judged. */
import { sql, type SQL } from "drizzle-orm";
import type { Store } from "./context.js";

export interface OwnProgressRow {
  /** Answers and skips, practice left out. */
  done: number;
  practice: number;
  practiceRight: number;
  /** Practice items that the project has. */
  practiceItems: number;
}

/** Columns of a statement that say it: this person's sums by name, and the practice items that there are. */
export interface OwnSums {
  sums: Record<string, number> | null;
  practiceItems: number;
}
export const ownSums = (o: { project: string; annotator: string }): SQL => sql`
  (select jsonb_object_agg(name, n) from sums where project = ${o.project} and annotator = ${o.annotator}
    and name in ('task', 'gold', 'repeat', 'practice', 'practice_right')) as sums,
  (select count(*)::int from item_states where project = ${o.project} and role = 'practice') as "practiceItems"`;

/** `more`: what the statement itself adds to the sums, which it does not see. */
export function ownProgressIn(
  { sums, practiceItems }: OwnSums,
  more: Readonly<Record<string, number>> = {},
): OwnProgressRow {
  const n = (name: string): number => (sums?.[name] ?? 0) + (more[name] ?? 0);
  return {
    done: n("task") + n("gold") + n("repeat"),
    practice: n("practice"),
    practiceRight: n("practice_right"),
    practiceItems,
  };
}

export async function ownProgressOf(
  store: Store,
  o: { project: string; annotator: string },
): Promise<OwnProgressRow> {
  const [row] = await store.database.rows<OwnSums>(sql`select ${ownSums(o)}`);
  return ownProgressIn(row!);
}

/**
 * Why there is nothing to judge: the project is `empty`; others are `waiting`-worthy, that is, they hold items which may come back;
 * else it is `complete` as far as this person can help.
 */
export async function whyNothing(
  store: Store,
  o: { project: string; annotator: string; overlap: number },
): Promise<"empty" | "waiting" | "complete"> {
  const [row] = await store.database.rows<{ any: boolean; held: boolean }>(sql`
    select exists (select from item_states where project = ${o.project}) as any,
      exists (select from leases l join item_states s on s.project = l.project and s.item = l.item
        where l.project = ${o.project} and l.state = 'active' and l.purpose = 'task' and s.valid < ${o.overlap}
          and not exists (select from currents c where c.project = s.project and c.item = s.item
            and c.annotator = ${o.annotator})
          and coalesce((select a.groups ? coalesce(s.item_group, '') from annotators a
            where a.id = ${o.annotator} and a.groups is not null), true)) as held`);
  return row!.held ? "waiting" : row!.any ? "complete" : "empty";
}
