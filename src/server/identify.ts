/** Who sends a request, from its bearer token or its cookie. Knows no route. */
import { createHash, timingSafeEqual } from "node:crypto";
import { findSession } from "../store/index.js";
import { Role } from "./api-schemas.js";
import type { Caller, ServerContext } from "./call.js";

/** The person behind the owner's token, in every store. */
export const ownerId = "owner";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compared in constant time. */
export const isOwnerToken = (given: string, { ownerToken }: ServerContext): boolean =>
  timingSafeEqual(digest(given), digest(ownerToken));

export function cookieOf(request: Request, { cookie }: ServerContext): string | undefined {
  const pairs = (request.headers.get("cookie") ?? "").split(/;\s*/);
  const value = pairs.find((pair) => pair.startsWith(`${cookie.name}=`))?.slice(cookie.name.length + 1);
  return value === "" ? undefined : value;
}

/**
 * Undefined for a stranger: without a token, or with one that is over or of somebody who is shut out. Brings the project that is `asked`
 * for along, where it is a session's own.
 */
export async function identify(
  request: Request,
  context: ServerContext,
  { asked }: { asked?: string | undefined } = {},
): Promise<Caller | undefined> {
  const bearer = /^Bearer\s+(\S{1,200})$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined && isOwnerToken(bearer, context)) {
    const never = new Date(8.64e15).toISOString();
    return {
      annotator: ownerId,
      role: "owner",
      project: null,
      quota: null,
      csrf: "",
      expires_at: never,
      session: null,
      viaCookie: false,
    };
  }
  const token = bearer ?? cookieOf(request, context);
  if (token === undefined || token.length > 200) return undefined;
  const row = await findSession(context.store, token, { asked });
  return row && { ...row, role: Role.parse(row.role), session: token, viaCookie: bearer === undefined };
}

/** The header that gives a browser its cookie, or takes it away. Not readable by scripts, never sent by other sites' pages. */
export function cookieHeader(token: string | null, { cookie }: ServerContext, seconds = 14 * 86_400): string {
  const parts = [`${cookie.name}=${token ?? ""}`, "Path=/", "HttpOnly", "SameSite=Strict"];
  return [...parts, `Max-Age=${token === null ? 0 : seconds}`, ...(cookie.secure ? ["Secure"] : [])].join(
    "; ",
  );
}
