/**
 * What pages read of a whole project: progress, tallies, people, duels. Every number comes from rows that submits keep up to date,
 * so that a page costs the same after a million judgements as after a thousand. Knows no statistic.
 */
import { sql } from "drizzle-orm";
import type { Store } from "./context.js";
import { iso } from "./rows.js";
import { total, type Tally } from "./tallies.js";

interface PatternRow {
  adjudicated: boolean;
  tally: Tally;
  items: number;
}

const patternRows = (store: Store, project: string): Promise<PatternRow[]> =>
  store.database.rows<PatternRow>(sql`
    select adjudicated, tally, sum(n)::int as items from patterns where project = ${project} group by adjudicated, tally
    having sum(n) > 0 order by tally, adjudicated`);

export interface Pattern {
  tally: Tally;
  items: number;
}

/** How many task items have each tally, of those that somebody judged. */
export async function patterns(store: Store, project: string): Promise<Pattern[]> {
  const found = new Map<string, Pattern>();
  for (const { tally, items } of await patternRows(store, project)) {
    if (total(tally) === 0) continue;
    const name = JSON.stringify(tally);
    const pattern = found.get(name) ?? { tally, items: 0 };
    pattern.items += items;
    found.set(name, pattern);
  }
  return [...found.values()];
}

export interface GroupPattern extends Pattern {
  group: string;
}

/** The same by group of items. From the items themselves: a row for each, of which a million judgements have some hundred thousand. */
export const groupPatterns = (store: Store, project: string): Promise<GroupPattern[]> =>
  store.database.rows<GroupPattern>(sql`
    select item_group as "group", tally, count(*)::int as items from item_states
    where project = ${project} and role = 'task' and item_group is not null and valid > 0 group by 1, 2 order by 1, 2`);

export interface ProgressRow {
  items: number;
  complete: number;
  judgements: number;
  wanted: number;
  annotators: number;
  leases: number;
  practice: number;
}

/** How far a project is. An item is complete with `overlap` judgements, or a decision. */
export async function progressOf(
  store: Store,
  o: { project: string; overlap: number },
): Promise<ProgressRow> {
  const progress = { items: 0, complete: 0, judgements: 0, wanted: 0 };
  for (const { adjudicated, tally, items } of await patternRows(store, o.project)) {
    const valid = total(tally);
    progress.items += items;
    progress.judgements += items * valid;
    if (adjudicated || valid >= o.overlap) progress.complete += items;
    else progress.wanted += items * (o.overlap - valid);
  }
  const [row] = await store.database.rows<Pick<ProgressRow, "annotators" | "leases" | "practice">>(sql`
    select (select count(*)::int from annotators where project = ${o.project}) as annotators,
      (select count(*)::int from leases where project = ${o.project} and state = 'active') as leases,
      (select count(*)::int from item_states where project = ${o.project} and role = 'practice') as practice`);
  return { ...progress, ...row! };
}

export interface PersonSums {
  annotator: string;
  role: string;
  quota: number | null;
  disabled: boolean;
  /** Groups of items that are theirs; null: all. */
  groups: string[] | null;
  last_at: string | null;
  sums: Record<string, number>;
}

/** Everybody of a project, with sums by name (`compared` and `agreed`: with the others, on the same items). */
export async function peopleSums(store: Store, project: string): Promise<PersonSums[]> {
  const rows = await store.database.rows<PersonSums>(sql`
    select a.id as annotator, a.role, a.quota, a.disabled, a.groups,
      (select submitted_at from judgements j where j.project = ${project} and j.annotator = a.id order by j.seq desc limit 1) as last_at,
      coalesce((select jsonb_object_agg(s.name, s.n) from sums s where s.project = ${project} and s.annotator = a.id), '{}') as sums
    from annotators a where a.project = ${project} or (a.project is null and exists (
      select from sums s where s.project = ${project} and s.annotator = a.id)) order by a.created_at, a.id`);
  const together = new Map<string, { compared: number; agreed: number }>();
  for (const { one, other, compared, agreed } of await pairings(store, project)) {
    for (const person of [one, other]) {
      const sum = together.get(person) ?? { compared: 0, agreed: 0 };
      together.set(person, { compared: sum.compared + compared, agreed: sum.agreed + agreed });
    }
  }
  return rows.map((row) => ({
    ...row,
    last_at: row.last_at === null ? null : iso(row.last_at),
    sums: { ...row.sums, ...together.get(row.annotator) },
  }));
}

/** One person's sums by name. */
export async function sumsOf(
  store: Store,
  o: { project: string; annotator: string },
): Promise<Record<string, number>> {
  const rows = await store.database.rows<{ name: string; n: number }>(
    sql`select name, n from sums where project = ${o.project} and annotator = ${o.annotator}`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

export interface Pairing {
  one: string;
  other: string;
  /** Items that both judged, and on which they said the same. */
  compared: number;
  agreed: number;
}

/** Every two people who judged an item in common, each pair once. */
export const pairings = (store: Store, project: string): Promise<Pairing[]> =>
  store.database.rows<Pairing>(sql`
    select least(annotator, other) as one, greatest(annotator, other) as other, sum(compared)::int as compared, sum(agreed)::int as agreed
    from pairings where project = ${project} group by 1, 2 having sum(compared) > 0 order by 1, 2`);

export interface Duel {
  first: string;
  second: string;
  first_wins: number;
  second_wins: number;
  ties: number;
}

export const duels = (store: Store, project: string): Promise<Duel[]> =>
  store.database.rows<Duel>(sql`
    select first, second, sum(first_wins) as first_wins, sum(second_wins) as second_wins, sum(ties) as ties
    from duels where project = ${project} group by first, second order by first, second`);
