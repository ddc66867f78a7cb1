/**
 * Annotators (pseudonyms), invitations and sessions. Tokens are kept as hashes only, and no address of a machine is kept at
 * all. Knows no HTTP.
 */
import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { sha256 } from "../util/files.js";
import { timeOf, type Store } from "./context.js";
import { projectOf, type ProjectRow } from "./projects.js";
import { iso, json, newId } from "./rows.js";

export interface SessionRow {
  annotator: string;
  role: string;
  project: string | null;
  csrf: string;
  expires_at: string;
  quota: number | null;
}
export interface InvitationRow {
  id: string;
  role: string;
  uses_left: number;
  expires_at: string;
  created_at: string;
}

const secret = (): string => randomBytes(24).toString("base64url");

/** A new person of a project, or of all of them (`project` null). */
export async function createAnnotator(
  store: Store,
  {
    project,
    role,
    name,
    id = newId("a"),
  }: { project: string | null; role: string; name?: string; id?: string },
): Promise<string> {
  await store.database.rows(sql`
    insert into annotators (id, project, role, name, created_at)
    values (${id}, ${project}, ${role}, ${name ?? null}, ${timeOf(store)}) on conflict do nothing`);
  return id;
}

/** The owner of all projects. Whoever came by that name from elsewhere (in an import, before the owner was there) is taken for them. */
export async function createOwner(store: Store, id: string): Promise<string> {
  await store.database.rows(sql`
    insert into annotators (id, project, role, created_at) values (${id}, null, 'owner', ${timeOf(store)})
    on conflict (id) do update set project = null, role = 'owner', disabled = false`);
  return id;
}

export async function createSession(
  store: Store,
  { annotator, hours = 24 * 14 }: { annotator: string; hours?: number },
): Promise<{ token: string; csrf: string; expires_at: string }> {
  const [token, csrf] = [secret(), secret()];
  const expires_at = timeOf(store, hours * 3_600_000);
  await store.database.rows(sql`
    insert into sessions (token_hash, annotator, csrf, expires_at, created_at)
    values (${sha256(token)}, ${annotator}, ${csrf}, ${expires_at}, ${timeOf(store)})`);
  return { token, csrf, expires_at };
}

/** With the project that is `asked` for, where it is theirs: one look for what every call needs. Undefined when unknown, over, or its person is shut out. */
export async function findSession(
  store: Store,
  token: string,
  { asked }: { asked?: string | undefined } = {},
): Promise<(SessionRow & { asked: ProjectRow | null }) | undefined> {
  const [row] = await store.database.rows<SessionRow & { asked: ProjectRow | null }>(sql`
    select s.annotator, a.role, a.project, s.csrf, s.expires_at, a.quota,
      (select to_jsonb(p) from projects p where p.id = ${asked ?? null} and p.id = coalesce(a.project, p.id)) as asked
    from sessions s join annotators a on a.id = s.annotator
    where s.token_hash = ${sha256(token)} and s.expires_at > ${timeOf(store)} and not a.disabled`);
  return row && { ...row, asked: row.asked && projectOf(row.asked), expires_at: iso(row.expires_at) };
}

export async function endSession(store: Store, token: string): Promise<void> {
  await store.database.rows(sql`delete from sessions where token_hash = ${sha256(token)}`);
}

export async function createInvitation(
  store: Store,
  { project, role, uses, hours }: { project: string; role: string; uses: number; hours: number },
): Promise<InvitationRow & { token: string }> {
  const token = secret();
  const [row] = await store.database.rows<InvitationRow>(sql`
    insert into invitations (id, project, role, token_hash, uses_left, expires_at, created_at)
    values (${newId("i")}, ${project}, ${role}, ${sha256(token)}, ${uses}, ${timeOf(store, hours * 3_600_000)}, ${timeOf(store)})
    returning id, role, uses_left, expires_at, created_at`);
  return { ...row!, expires_at: iso(row!.expires_at), created_at: iso(row!.created_at), token };
}

export async function listInvitations(store: Store, project: string): Promise<InvitationRow[]> {
  const rows = await store.database.rows<InvitationRow>(sql`
    select id, role, uses_left, expires_at, created_at from invitations
    where project = ${project} and uses_left > 0 and expires_at > ${timeOf(store)} order by created_at desc`);
  return rows.map((row) => ({ ...row, expires_at: iso(row.expires_at), created_at: iso(row.created_at) }));
}

/** False when there is none of that id. */
export async function revokeInvitation(
  store: Store,
  { project, id }: { project: string; id: string },
): Promise<boolean> {
  const gone = await store.database.rows(
    sql`delete from invitations where project = ${project} and id = ${id} returning id`,
  );
  return gone.length > 0;
}

/** False when there is nobody of that id in the project. */
export async function changeAnnotator(
  store: Store,
  {
    project,
    id,
    quota,
    disabled,
    groups,
  }: {
    project: string;
    id: string;
    quota?: number | null;
    disabled?: boolean;
    /** The groups of items that this person is given; null: all. */
    groups?: readonly string[] | null;
  },
): Promise<boolean> {
  const changed = await store.database.rows(sql`
    update annotators set quota = ${quota === undefined ? sql`quota` : quota},
      disabled = ${disabled === undefined ? sql`disabled` : disabled},
      groups = ${groups === undefined ? sql`groups` : groups === null ? sql`null` : json(groups)}
    where project = ${project} and id = ${id} returning id`);
  return changed.length > 0;
}
