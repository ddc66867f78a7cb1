/** Projects and the versions of their guidelines. Settings are kept as given: what they mean is the caller's affair. */
import { sql } from "drizzle-orm";
import { timeOf, type Store } from "./context.js";
import { iso, json } from "./rows.js";

export interface ProjectRow {
  id: string;
  name: string;
  settings: Record<string, unknown>;
  /** Rises with every change of the settings; judgements keep the one that they were made under. */
  task_version: number;
  created_at: string;
}
export interface GuidelineRow {
  version: number;
  markdown: string;
  created_at: string;
}

/** False when the id is taken. */
export async function createProject(
  store: Store,
  { id, name, settings }: { id: string; name: string; settings: Record<string, unknown> },
): Promise<boolean> {
  const made = await store.database.rows(sql`
    insert into projects (id, name, settings, created_at) values (${id}, ${name}, ${json(settings)}, ${timeOf(store)})
    on conflict do nothing returning id`);
  return made.length > 0;
}

/** A row as the database gives it, its time in ISO 8601. */
export const projectOf = (row: ProjectRow): ProjectRow => ({ ...row, created_at: iso(row.created_at) });

export async function findProject(store: Store, id: string): Promise<ProjectRow | undefined> {
  const [row] = await store.database.rows<ProjectRow>(sql`select * from projects where id = ${id}`);
  return row && projectOf(row);
}

export async function listProjects(store: Store): Promise<ProjectRow[]> {
  const rows = await store.database.rows<ProjectRow>(sql`select * from projects order by created_at, id`);
  return rows.map(projectOf);
}

export async function changeProject(
  store: Store,
  { id, name, settings }: { id: string; name?: string; settings: Record<string, unknown> },
): Promise<void> {
  await store.database.rows(sql`
    update projects set name = coalesce(${name ?? null}, name), settings = settings || ${json(settings)},
      task_version = task_version + (settings || ${json(settings)} <> settings)::int where id = ${id}`);
}

export async function addGuideline(
  store: Store,
  { project, markdown }: { project: string; markdown: string },
): Promise<GuidelineRow> {
  const [row] = await store.database.rows<GuidelineRow>(sql`
    insert into guidelines (project, version, markdown, created_at)
    select ${project}, coalesce(max(version), 0) + 1, ${markdown}, ${timeOf(store)}::timestamptz from guidelines where project = ${project}
    returning version, markdown, created_at`);
  return { ...row!, created_at: iso(row!.created_at) };
}

/** Newest first. */
export async function listGuidelines(store: Store, project: string): Promise<GuidelineRow[]> {
  const rows = await store.database.rows<GuidelineRow>(
    sql`select version, markdown, created_at from guidelines where project = ${project} order by version desc`,
  );
  return rows.map((row) => ({ ...row, created_at: iso(row.created_at) }));
}
