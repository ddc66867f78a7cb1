/**
 * The tables, as a list of steps that are run once each, in order, in a transaction of their own. PostgreSQL only. Judgements are
 * only ever added to; what changes (tallies, people's sums) can be counted again from them. Knows no queries.
 */
export const migrations: readonly { name: string; sql: string }[] = [
  {
    name: "0001-first",
    sql: `
create table projects (
  id text primary key, name text not null, settings jsonb not null, created_at timestamptz not null);
create table guidelines (
  project text not null references projects, version int not null, markdown text not null,
  created_at timestamptz not null, primary key (project, version));
create table items (
  project text not null references projects, id text not null, role text not null,
  prompt jsonb not null, tools jsonb, gold jsonb, item_group text, uncertainty double precision,
  excerpt text not null, created_at timestamptz not null, primary key (project, id));
create table candidates (
  project text not null, item text not null, position int not null, id text not null,
  source jsonb, messages jsonb not null, meta jsonb,
  primary key (project, item, position), unique (project, item, id),
  foreign key (project, item) references items (project, id));
-- Narrow and often written: kept apart from the texts. load = judgements that count + leases that run.
create table item_states (
  project text not null, item text not null, seq bigint generated always as identity, role text not null,
  load int not null default 0, valid int not null default 0, tally jsonb not null default '{}',
  uncertainty double precision, flagged int not null default 0, adjudicated jsonb,
  primary key (project, item), foreign key (project, item) references items (project, id));
create index item_states_next on item_states (project, role, load, seq);
create table annotators (
  id text primary key, project text references projects, role text not null, name text,
  quota int, disabled boolean not null default false, created_at timestamptz not null);
create table invitations (
  id text primary key, project text not null references projects, role text not null, token_hash text not null unique,
  uses_left int not null, expires_at timestamptz not null, created_at timestamptz not null);
create table sessions (
  token_hash text primary key, annotator text not null references annotators, csrf text not null,
  expires_at timestamptz not null, created_at timestamptz not null);
create table leases (
  id text primary key, project text not null, item text not null, slot int, annotator text not null,
  purpose text not null, state text not null, granted_at timestamptz not null, expires_at timestamptz not null,
  shown_order jsonb not null, seed bigint not null, policy text not null, probability double precision not null,
  guideline int, foreign key (project, item) references items (project, id));
create unique index leases_slot on leases (project, item, slot) where state in ('active', 'done');
create unique index leases_mine on leases (project, annotator) where state = 'active';
create index leases_expiry on leases (expires_at) where state = 'active';
create table judgements (
  seq bigint generated always as identity primary key, id text not null unique, key text not null,
  project text not null, item text not null, annotator text not null, annotator_kind text not null default 'human',
  lease text, purpose text not null, revision_of text, category text not null, answer jsonb not null,
  shown_order jsonb not null, seed bigint, policy text, probability double precision, guideline int,
  active_ms double precision, layout text, late boolean not null default false, raw jsonb,
  started_at timestamptz, submitted_at timestamptz not null,
  unique (project, annotator, key), foreign key (project, item) references items (project, id));
create unique index judgements_revision on judgements (revision_of) where revision_of is not null;
create unique index judgements_lease on judgements (lease) where lease is not null and revision_of is null;
create index judgements_mine on judgements (project, annotator, seq);
create index judgements_item on judgements (project, item);
-- The judgement in force of each person on each item.
create table currents (
  project text not null, item text not null, annotator text not null, repeat boolean not null,
  judgement text not null, category text not null, primary key (project, item, annotator, repeat));
create index currents_mine on currents (project, annotator);
-- Sums by person: written by that person's own submits only, so nobody waits for anybody.
create table sums (
  project text not null, annotator text not null, name text not null, n double precision not null default 0,
  primary key (project, annotator, name));
create table duels (
  project text not null, annotator text not null, first text not null, second text not null,
  first_wins double precision not null default 0, second_wins double precision not null default 0,
  ties double precision not null default 0, primary key (project, annotator, first, second));
create table adjudications (
  seq bigint generated always as identity primary key, project text not null, item text not null, annotator text not null,
  answer jsonb not null, reason text, created_at timestamptz not null);
create table deliveries (
  id text primary key, project text not null, event jsonb not null, attempts int not null default 0,
  next_at timestamptz not null, delivered_at timestamptz, last_error text);
`,
  },
  {
    name: "0002-sums-that-pages-read",
    sql: `
-- key: the item's place on the circle that draws go round (next-item.ts). disagreement: share of pairs of judgements that differ.
alter table item_states add column key double precision, add column item_group text,
  add column disagreement double precision not null default 0;
update item_states s set key = ('x' || substr(md5(s.project || '/' || s.item), 1, 13))::bit(52)::bigint / 4503599627370496.0,
  item_group = i.item_group,
  tally = coalesce((select jsonb_object_agg(t.key, t.value) from jsonb_each(s.tally) t where t.value <> '0'), '{}'),
  disagreement = case when s.valid < 2 then 0 else 1 - (select sum(t.value::int * (t.value::int - 1)) from jsonb_each_text(s.tally) t)
    / (s.valid * (s.valid - 1.0)) end
  from items i where i.project = s.project and i.id = s.item;
alter table item_states alter column key set not null;
drop index item_states_next;
create index item_states_next on item_states (project, role, load, key) where adjudicated is null;
create unique index item_states_seq on item_states (project, seq);
create index item_states_disagreement on item_states (project, disagreement desc, seq) where disagreement > 0 and adjudicated is null;
create index item_states_flagged on item_states (project, seq) where flagged > 0 and adjudicated is null;
-- Which groups of items a person is given; null: all.
alter table annotators add column groups jsonb;
alter table items add column selection jsonb;
alter table projects add column task_version int not null default 1;
alter table leases add column task_version int;
alter table judgements add column task_version int;
create index judgements_active on judgements (project, seq) where policy = 'active';
-- How many task items have each tally, and how often two people judged the same and said the same. A row is written by one person's
-- submits only, and the rows are added up: nobody waits for anybody.
create table patterns (
  project text not null, annotator text not null, adjudicated boolean not null, tally jsonb not null, n int not null,
  primary key (project, annotator, adjudicated, tally));
insert into patterns select project, '', adjudicated is not null, tally, count(*) from item_states where role = 'task' group by 1, 3, 4;
create table pairings (
  project text not null, annotator text not null, other text not null, compared int not null, agreed int not null,
  primary key (project, annotator, other));
insert into pairings
  select a.project, a.annotator, b.annotator, count(*), count(*) filter (where a.category = b.category)
  from currents a join currents b on b.project = a.project and b.item = a.item and b.annotator > a.annotator
    join item_states s on s.project = a.project and s.item = a.item and s.role = 'task'
  where not a.repeat and not b.repeat and a.category <> 'skip' and b.category <> 'skip' group by 1, 2, 3;
delete from sums where name in ('compared', 'agreed');
`,
  },
  {
    name: "0003-invitations-and-calls",
    sql: `
alter table annotators add column invitation text;
create index deliveries_due on deliveries (next_at) where delivered_at is null;
`,
  },
  {
    name: "0004-few-among-many",
    sql: `
create index item_states_special on item_states (project, role) where role <> 'task';
`,
  },
  {
    name: "0005-one-way-to-an-answer",
    sql: `
-- An answer is looked up by its item. Before the tables are first analysed, plans took this index instead and read all of a person's.
drop index currents_mine;
`,
  },
  {
    name: "0006-a-persons-last-lease",
    sql: `
create index leases_last on leases (project, annotator, granted_at);
`,
  },
];
