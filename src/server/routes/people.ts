/** Everybody's numbers, and who may come: annotators and invitation links. */
import * as store from "../../store/index.js";
import { annotatorRow } from "../annotator-row.js";
import type { Handler } from "../call.js";
import { notFound, Refusal } from "../refusal.js";
import { Role } from "../api-schemas.js";

export const handlers = {
  async annotators({ store: db, project }) {
    return {
      annotators: (await store.peopleSums(db, project.id)).map(annotatorRow),
      groups: await store.itemGroups(db, project.id),
    };
  },

  async changeAnnotator({ store: db, project, path, body }) {
    const { quota, disabled, groups } = body;
    const known = groups == null ? [] : await store.itemGroups(db, project.id);
    const unknown = groups?.find((group) => !known.includes(group));
    if (unknown !== undefined)
      throw new Refusal(
        "invalid",
        `groups: expected groups that items are in (${known.join(", ") || "there is none"}), got ${unknown}`,
      );
    const change = {
      ...(quota !== undefined && { quota }),
      ...(disabled !== undefined && { disabled }),
      ...(groups !== undefined && { groups }),
    };
    if (!(await store.changeAnnotator(db, { project: project.id, id: path.annotator, ...change })))
      throw notFound("There is nobody of that name in this project.");
    return {};
  },

  async invitations({ store: db, project }) {
    const rows = await store.listInvitations(db, project.id);
    return { invitations: rows.map((row) => ({ ...row, role: Role.parse(row.role) })) };
  },

  async invite({ store: db, project, body }) {
    const { token, ...row } = await store.createInvitation(db, { project: project.id, ...body });
    // Behind the #, so that no server and no proxy ever sees it in an address.
    return { ...row, role: Role.parse(row.role), token, path: `/#token=${token}` };
  },

  async revokeInvitation({ store: db, project, path }) {
    if (!(await store.revokeInvitation(db, { project: project.id, id: path.invitation })))
      throw notFound("There is no such link in this project.");
    return {};
  },
} satisfies {
  [N in "annotators" | "changeAnnotator" | "invitations" | "invite" | "revokeInvitation"]: Handler<N>;
};
