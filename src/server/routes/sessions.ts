/** Coming in, being here, leaving. A token comes in the body only: never in an address that a log would keep. */
import {
  cameBy,
  createOwner,
  createSession,
  endSession,
  findSession,
  joinByInvitation,
} from "../../store/index.js";
import { Role } from "../api-schemas.js";
import type { Call, Handler } from "../call.js";
import { cookieHeader, identify, isOwnerToken, ownerId } from "../identify.js";
import { Refusal } from "../refusal.js";

export const handlers = {
  async login(call) {
    const { context, request, store, body, headers } = call;
    const before = await identify(request, context);
    // The same person opening the same link again goes on, rather than becoming somebody new.
    if (before?.session != null && (await cameBy(store, { annotator: before.annotator, token: body.token })))
      return {
        annotator: before.annotator,
        role: before.role,
        project: before.project,
        csrf: before.csrf,
        expires_at: before.expires_at,
      };
    const annotator = await annotatorOf(call);
    const { token, csrf, expires_at } = await createSession(store, { annotator });
    const row = (await findSession(store, token))!;
    headers.append("set-cookie", cookieHeader(token, context));
    return { annotator, role: Role.parse(row.role), project: row.project, csrf, expires_at };
  },

  async session({ caller: { annotator, role, project, csrf, expires_at } }) {
    return { annotator, role, project, csrf, expires_at };
  },

  async logout({ context, store, caller, headers }) {
    if (caller.session !== null) await endSession(store, caller.session);
    headers.append("set-cookie", cookieHeader(null, context));
    return {};
  },
} satisfies { [N in "login" | "session" | "logout"]: Handler<N> };

async function annotatorOf({ context, store, body, address }: Call<"login">): Promise<string> {
  const { guesses } = context.limits;
  const wait = guesses.look(address);
  if (wait > 0) throw new Refusal("too_many", "Too many tokens that were no good; wait a little.", wait);
  if (isOwnerToken(body.token, context) || context.openings.take(body.token))
    return createOwner(store, ownerId);
  const annotator = await joinByInvitation(store, body);
  if (annotator !== undefined) return annotator;
  guesses.take(address);
  throw new Refusal(
    "unauthenticated",
    "This link is no good: it has ended, was used up or revoked, or is not whole. Ask for a new one.",
  );
}
