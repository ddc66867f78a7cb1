/**
 * Which item a person is given next: practice first, then work with gold items and repeats mixed in at places that nobody can
 * foresee, by policy among the least judged items. Gives a choice with its probability; takes nothing (leases.ts does).
 */
import { sql, type SQL } from "drizzle-orm";
import { sha256 } from "../util/files.js";
import { createRandom } from "../util/random.js";
import type { Store } from "./context.js";
import type { ItemRole } from "./items.js";
import { json } from "./rows.js";
import { drawFrom, span, type Around } from "./window.js";

export type Purpose = "task" | "gold" | "practice" | "repeat";

export interface NextOptions {
  project: string;
  annotator: string;
  overlap: number;
  leaseSeconds: number;
  /** Of the least judged items: any alike, or by how unsure the ensemble is of them. */
  policy: "least-judged" | "active";
  goldEvery: number;
  repeatEvery: number;
  repeatGap: number;
  practice: number;
}

/** What this person has done, and the groups of items that are theirs (null: all). */
export interface Done {
  task: number;
  gold: number;
  repeat: number;
  practice: number;
  groups: string[] | null;
}

export interface Choice {
  item: string;
  purpose: Purpose;
  probability: number;
  policy: string;
  /** For a repeat: the sides of the first time, swapped. */
  shown?: string[];
}

export async function choose(store: Store, o: NextOptions & { standing: Done }): Promise<Choice | undefined> {
  const { task, gold, repeat, practice } = o.standing;
  if (practice < o.practice) {
    const item = await unseen(store, { ...o, role: "practice" });
    if (item !== undefined) return { item, purpose: "practice", probability: 1, policy: "practice" };
  }
  if (isDue({ ...o, what: "gold", every: o.goldEvery, had: gold, done: task })) {
    const item = await unseen(store, { ...o, role: "gold" });
    if (item !== undefined) return { item, purpose: "gold", probability: 1, policy: "gold" };
  }
  if (isDue({ ...o, what: "repeat", every: o.repeatEvery, had: repeat, done: task })) {
    const found = await repeatable(store, o);
    if (found !== undefined) return { ...found, purpose: "repeat", probability: 1, policy: "repeat" };
  }
  return chooseTask(store, o);
}

/**
 * The item of a lease that was given back or ran out, as it was given, where it is still theirs to judge: else a gold item, which is due
 * until it is answered, would be the only kind to come again, and who gives back what they do not like would choose what is measured.
 */
export async function chooseAgain(
  store: Store,
  o: NextOptions & { standing: Done; last: string },
): Promise<Choice | undefined> {
  const { groups } = o.standing;
  const [row] = await store.database.rows<Choice>(sql`
    select l.item, l.purpose, l.probability, l.policy, l.shown_order as shown from leases l,
      lateral (select * from item_states s where s.project = l.project and s.item = l.item limit 1) s
    where l.id = ${o.last} and (l.purpose = 'repeat' or ${notMine(o)})
      and (l.purpose <> 'task' or (s.load < ${o.overlap} and s.adjudicated is null ${theirs(groups)}))`);
  return row;
}

/** One in each stretch of `every` items, at a place in it that is drawn for this person: a fixed place would be noticed. */
function isDue(o: {
  project: string;
  annotator: string;
  what: string;
  every: number;
  had: number;
  done: number;
}): boolean {
  if (o.every === 0) return false;
  const seed = Number.parseInt(sha256(`${o.project}\u0000${o.annotator}\u0000${o.what}`).slice(0, 8), 16);
  const place = 1 + createRandom(seed, { stream: `${o.what} ${o.had}` }).integer(o.every);
  return o.done >= o.had * o.every + place;
}

/** A gold or practice item that this person has not had; gold in an order of their own. */
async function unseen(store: Store, o: NextOptions & { role: ItemRole }): Promise<string | undefined> {
  const order = o.role === "gold" ? sql`md5(s.item || ${o.annotator}::text)` : sql`s.seq`;
  const [row] = await store.database.rows<{ item: string }>(sql`
    select s.item from item_states s where s.project = ${o.project} and s.role = ${sql.raw(`'${o.role}'`)} and ${notMine(o)}
    order by ${order} limit 1`);
  return row?.item;
}

/** Items of the groups that are this person's. */
const theirs = (groups: string[] | null): SQL =>
  groups === null ? sql`` : sql`and s.item_group in (select jsonb_array_elements_text(${json(groups)}))`;

/** As a subquery with a limit, which is looked up by key whatever the planner believes; as an anti-join it read all of a person's answers for each item. */
const notMine = (o: { annotator: string }): SQL => sql`(
  select c.judgement from currents c where c.project = s.project and c.item = s.item and c.annotator = ${o.annotator} limit 1) is null`;

/** An item judged long enough ago, to be shown once more the other way round. */
async function repeatable(
  store: Store,
  o: NextOptions,
): Promise<{ item: string; shown: string[] } | undefined> {
  const [row] = await store.database.rows<{ item: string; shown: string[] }>(sql`
    select j.item, j.shown_order as shown from judgements j
    where j.project = ${o.project} and j.annotator = ${o.annotator} and j.purpose = 'task' and j.revision_of is null
      and j.category <> 'skip' and j.seq < (select k.seq from judgements k where k.project = ${o.project}
        and k.annotator = ${o.annotator} order by k.seq desc offset ${o.repeatGap - 1} limit 1)
      and not exists (select from currents c where c.project = j.project and c.item = j.item
        and c.annotator = j.annotator and c.repeat)
    order by j.seq limit 1`);
  return row && { item: row.item, shown: row.shown.toReversed() };
}

interface Open {
  item: string;
  key: number;
  uncertainty: number | null;
}

async function chooseTask(store: Store, o: NextOptions & { standing: Done }): Promise<Choice | undefined> {
  const { groups } = o.standing;
  const open = sql`s.project = ${o.project} and s.role = 'task' and s.adjudicated is null
    ${theirs(groups)} and ${notMine(o)}`;
  const point = store.random();
  const near = (where: SQL, order: SQL): SQL => sql`
    select s.item, s.key, s.uncertainty from item_states s where ${open} and s.load = (select load from least) and ${where}
    order by ${order} limit ${span}`;
  const short = (name: "after" | "before"): SQL =>
    sql`(select count(*) from ${sql.raw(name)}_point) < ${span}`;
  const all = (name: string): SQL =>
    sql`coalesce((select jsonb_agg(to_jsonb(t)) from ${sql.raw(name)} t), '[]')`;
  // The ends are looked at only where the line ends within reach of the point, on one side.
  const [around] = await store.database.rows<Around<Open>>(sql`
    with least as (
      select s.load from item_states s where ${open} and s.load < ${o.overlap} order by s.load limit 1),
    after_point as materialized (${near(sql`s.key >= ${point}`, sql`s.key`)}),
    before_point as materialized (${near(sql`s.key < ${point}`, sql`s.key desc`)}),
    lowest as (${near(sql`${short("after")} and not ${short("before")}`, sql`s.key`)}),
    highest as (${near(sql`${short("before")} and not ${short("after")}`, sql`s.key desc`)})
    select ${all("after_point")} as after, ${all("before_point")} as before, ${all("lowest")} as lowest, ${all("highest")} as highest`);
  const drawn = drawFrom(around!, {
    uniform: store.random(),
    weightsOf: o.policy === "active" ? byUncertainty : (window) => window.map(() => 1),
  });
  return (
    drawn && { item: drawn.item.item, purpose: "task", probability: drawn.probability, policy: o.policy }
  );
}

/** A floor of a tenth of the mean keeps every probability away from 0, so that estimates can be weighted by its inverse. */
function byUncertainty(window: readonly Open[]): number[] {
  const given = window.map(({ uncertainty }) => uncertainty ?? 0);
  const mean = given.reduce((sum, each) => sum + each, 0) / given.length;
  return mean > 0 ? given.map((each) => each + mean / 10) : given.map(() => 1);
}
