/**
 * A project of many judgements, written by the database itself and then counted (`recount`): what a million submits would have
 * left. Pairs of six models of differing strength, a side habit, ties, people who err differently. Seeded. Knows no measurement.
 */
import { sql } from "drizzle-orm";
import { createAnnotator, createProject, recount } from "../../dist/store/index.js";

export async function fillStore(store, { project, judgements, overlap = 3, people = 50 }) {
  const items = Math.ceil(judgements / overlap);
  const { database } = store;
  await createProject(store, { id: project, name: "Many", settings: { overlap } });
  for (let k = 0; k < people; k += 1)
    await createAnnotator(store, { project, role: "annotator", id: `person-${k}` });
  const number = sql`generate_series(0, ${items - 1}::int) n`;
  // Uniform numbers that depend on what is drawn for and on nothing else.
  const uniform = (text) =>
    sql`(('x' || substr(md5(${text}), 1, 8))::bit(32)::bigint::double precision / 4294967296 + 0)`;
  await database.transaction(
    async (tx) => {
      await tx.rows(sql`
    insert into items (project, id, role, item_group, prompt, excerpt, created_at)
    select ${project}, 'item-' || n, 'task', 'group-' || n % 8, jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'Question ' || n)),
      'Question ' || n, now() from ${number}`);
      await tx.rows(sql`
    insert into candidates (project, item, position, id, source, messages)
    select ${project}, 'item-' || n, p, case p when 0 then 'x' else 'y' end,
      jsonb_build_object('model', 'model-' || case p when 0 then n % 6 else (n + 1 + (n / 6) % 5) % 6 end),
      jsonb_build_array(jsonb_build_object('role', 'assistant', 'content', 'Answer ' || p || ' to question ' || n))
    from ${number}, generate_series(0, 1) p`);
      await tx.rows(sql`
    insert into item_states (project, item, role, item_group, key)
    select ${project}, 'item-' || n, 'task', 'group-' || n % 8, ('x' || substr(md5(${project}::text || '/item-' || n), 1, 13))::bit(52)::bigint / 4503599627370496.0
    from ${number}`);
      await tx.rows(sql`
    with drawn as (
      select n, k, 'person-' || ((n * 7 + k * 13) % ${people}::int) as annotator, ${uniform(sql`'side' || n || '/' || k`)} as side,
        ${uniform(sql`'said' || n || '/' || k`)} as said, ${uniform(sql`'tie' || n || '/' || k`)} as tie,
        0.5 + 0.07 * ((n + 1 + (n / 6) % 5) % 6 - n % 6) as strength
      from ${number}, generate_series(0, ${overlap - 1}::int) k where n * ${overlap}::int + k < ${judgements}::int),
    judged as (
      select *, side < 0.5 as swapped, case when tie < 0.1 then 'tie'
        when said < strength + case when side < 0.5 then -0.03 else 0.03 end then 'first' else 'second' end as category from drawn)
    insert into judgements (id, key, project, item, annotator, purpose, category, answer, shown_order, seed, policy, probability,
      active_ms, late, started_at, submitted_at)
    select 'j-' || n || '-' || k, 'key-' || n || '-' || k, ${project}, 'item-' || n, annotator, 'task', category,
      case category when 'first' then '{"outcome":{"type":"pair","chosen":"x","rejected":"y"},"strength":1}'::jsonb
        when 'second' then '{"outcome":{"type":"pair","chosen":"y","rejected":"x"},"strength":-1}'::jsonb
        else '{"outcome":{"type":"pair","chosen":null,"rejected":null},"tie":"equal"}'::jsonb end,
      case when swapped then '["y","x"]'::jsonb else '["x","y"]'::jsonb end, n, 'least-judged', 0.5, 4000 + 8000 * said, false,
      now() - interval '9 s', now()
    from judged order by k, n`);
    },
    { unhurried: true },
  );
  await recount(store);
  for (const table of [
    "items",
    "candidates",
    "item_states",
    "judgements",
    "currents",
    "patterns",
    "pairings",
    "sums",
    "duels",
  ])
    await database.rows(sql.raw(`analyze ${table}`));
}
