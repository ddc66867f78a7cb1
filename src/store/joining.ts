/** Coming in by an invitation link: its use, the person and the tie between them in one statement. Knows no HTTP. */
import { sql } from "drizzle-orm";
import { sha256 } from "../util/files.js";
import { timeOf, type Store } from "./context.js";
import { newId } from "./rows.js";

/** A new person of the link's project; undefined when the link is no good. Two people cannot share its last use. */
export async function joinByInvitation(
  store: Store,
  { token, name }: { token: string; name?: string },
): Promise<string | undefined> {
  const [row] = await store.database.rows<{ id: string }>(sql`
    with used as (
      update invitations set uses_left = uses_left - 1
      where token_hash = ${sha256(token)} and uses_left > 0 and expires_at > ${timeOf(store)} returning id, project, role)
    insert into annotators (id, project, role, name, created_at, invitation)
    select ${newId("a")}, project, role, ${name ?? null}::text, ${timeOf(store)}::timestamptz, id from used returning id`);
  return row?.id;
}

/** Whether this person came in by this link, which may have ended since: opening it again makes nobody new. */
export async function cameBy(
  store: Store,
  { annotator, token }: { annotator: string; token: string },
): Promise<boolean> {
  const rows = await store.database.rows(sql`
    select 1 as one from annotators a join invitations i on i.id = a.invitation
    where a.id = ${annotator} and i.token_hash = ${sha256(token)}`);
  return rows.length > 0;
}
