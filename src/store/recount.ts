/**
 * Counts everything that is counted again, from the judgements alone: for stores that were filled from elsewhere, and to check the
 * sums that submits keep (tallies.ts). Leases that run keep their slots. Knows no single judgement.
 */
import { sql, type SQL } from "drizzle-orm";
import type { Outcome } from "../records/index.js";
import { categoryOf } from "./category.js";
import type { Place, Store } from "./context.js";
import { json } from "./rows.js";

/** One transaction over all projects; submits wait meanwhile. */
export const recount = (store: Store): Promise<void> =>
  store.database.transaction(
    async (tx) => {
      await tx.rows(sql`lock table judgements, item_states in exclusive mode`);
      for (const table of ["currents", "sums", "duels", "pairings", "patterns"])
        await tx.rows(sql.raw(`delete from ${table}`));
      for (const statement of statements) await tx.rows(statement);
      await countRight(tx);
    },
    { unhurried: true },
  );

/** Right answers to gold and practice items; what is right is said by an outcome, not by a category. */
async function countRight(tx: Place): Promise<void> {
  const items = await tx.rows<{ project: string; item: string; gold: Outcome; candidates: string[] }>(sql`
    select i.project, i.id as item, i.gold, (select jsonb_agg(c.id order by c.position) from candidates c
      where c.project = i.project and c.item = i.id) as candidates from items i where i.gold is not null`);
  const right = items.map(({ project, item, gold, candidates }) => ({
    project,
    item,
    category: categoryOf({ outcome: gold }, candidates),
  }));
  await tx.rows(sql`
    insert into sums (project, annotator, name, n)
    select j.project, j.annotator, j.purpose || '_right', count(*) from judgements j
      join jsonb_to_recordset(${json(right)}) as g(project text, item text, category text)
        on g.project = j.project and g.item = j.item and g.category = j.category
    where ${inForce} group by 1, 2, 3`);
}

/** Judgements that nothing has replaced. */
const inForce = sql`not exists (select from judgements r where r.revision_of = j.id)`;
/** Current answers to task items that are no skips and no repeats. */
const counting = (name: string): SQL => sql.raw(`not ${name}.repeat and ${name}.category <> 'skip'`);

const statements: readonly SQL[] = [
  sql`insert into currents (project, item, annotator, repeat, judgement, category)
    select distinct on (project, item, annotator, purpose = 'repeat') project, item, annotator, purpose = 'repeat', id, category
    from judgements j where ${inForce} order by project, item, annotator, purpose = 'repeat', seq desc`,
  sql`with counts as (
      select c.project, c.item, c.category, count(*)::int as n from currents c join item_states s on s.project = c.project and s.item = c.item
      where ${counting("c")} and s.role = 'task' group by 1, 2, 3),
    tallies as (
      select project, item, jsonb_object_agg(category, n) as tally, sum(n)::int as valid,
        case when sum(n) < 2 then 0 else 1 - sum(n * (n - 1)) / (sum(n) * (sum(n) - 1))::double precision end as disagreement
      from counts group by 1, 2),
    skips as (
      select project, item, count(*)::int as n from currents where category = 'skip' and not repeat group by 1, 2),
    held as (select project, item, count(*)::int as n from leases where state = 'active' and slot is not null group by 1, 2),
    wanted as (
      select o.project, o.item, coalesce(t.tally, '{}') as tally, coalesce(t.valid, 0) as valid,
        coalesce(t.disagreement, 0) as disagreement, coalesce(t.valid, 0) + coalesce(h.n, 0) as load,
        case when o.role = 'task' then coalesce(k.n, 0) else 0 end as flagged
      from item_states o left join tallies t on t.project = o.project and t.item = o.item
        left join skips k on k.project = o.project and k.item = o.item left join held h on h.project = o.project and h.item = o.item)
    update item_states s set tally = w.tally, valid = w.valid, disagreement = w.disagreement, load = w.load, flagged = w.flagged
    from wanted w where s.project = w.project and s.item = w.item
      and (s.tally, s.valid, s.load, s.flagged) is distinct from (w.tally, w.valid, w.load, w.flagged)`,
  sql`insert into patterns select project, '', adjudicated is not null, tally, count(*) from item_states where role = 'task'
    group by 1, 3, 4`,
  sql`insert into pairings
    select a.project, a.annotator, b.annotator, count(*), count(*) filter (where a.category = b.category)
    from currents a join currents b on b.project = a.project and b.item = a.item and b.annotator > a.annotator
      join item_states s on s.project = a.project and s.item = a.item and s.role = 'task'
    where ${counting("a")} and ${counting("b")} group by 1, 2, 3`,
  sql`insert into sums (project, annotator, name, n)
    select project, annotator, v.name, sum(v.n) from judgements j, lateral (values
      (purpose, 1), ('late', late::int), ('active_ms', active_ms), ('timed', (active_ms is not null)::int)) v(name, n)
    where revision_of is null and v.n <> 0 group by 1, 2, 3`,
  sql`insert into sums (project, annotator, name, n)
    select j.project, j.annotator, v.name, sum(v.n) from judgements j
      left join candidates c on c.project = j.project and c.item = j.item
        and c.position = case j.category when 'first' then 0 when 'second' then 1 end,
      lateral (values ('judgements', 1), ('skip', (category = 'skip')::int), ('tie', (category in ('tie', 'both_bad'))::int),
        ('left', (shown_order ->> 0 = c.id)::int), ('right', (shown_order ->> 0 <> c.id)::int)) v(name, n)
    where j.purpose = 'task' and ${inForce} and v.n <> 0 group by 1, 2, 3`,
  sql`insert into sums (project, annotator, name, n)
    select a.project, a.annotator, v.name, sum(v.n) from currents a join currents b on b.project = a.project and b.item = a.item
      and b.annotator = a.annotator and b.repeat,
      lateral (values ('repeat_compared', 1), ('repeat_same', (a.category = b.category)::int)) v(name, n)
    where ${counting("a")} and b.category <> 'skip' and v.n <> 0 group by 1, 2, 3`,
  sql`insert into duels (project, annotator, first, second, first_wins, second_wins, ties)
    select j.project, j.annotator, a.source ->> 'model', b.source ->> 'model', sum((j.category = 'first')::int),
      sum((j.category = 'second')::int), sum((j.category in ('tie', 'both_bad'))::int)
    from judgements j join candidates a on a.project = j.project and a.item = j.item and a.position = 0
      join candidates b on b.project = j.project and b.item = j.item and b.position = 1
    where j.purpose = 'task' and j.category in ('first', 'second', 'tie', 'both_bad') and ${inForce}
      and a.source ->> 'model' <> b.source ->> 'model'
      and not exists (select from candidates c where c.project = j.project and c.item = j.item and c.position = 2)
    group by 1, 2, 3, 4`,
];
