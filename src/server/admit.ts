/** Whether a caller may call a route, and within which project. Knows no handler. */
import { timingSafeEqual } from "node:crypto";
import { findProject } from "../store/index.js";
import type { Role, Route } from "./api.js";
import { ProjectSettings } from "./api-schemas.js";
import type { Caller, LoadedProject, ServerContext } from "./call.js";
import { notFound, Refusal } from "./refusal.js";

const ranks: Readonly<Record<Role, number>> = { annotator: 0, reviewer: 1, owner: 2 };

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Throws for a stranger, for one whose role is too low, and for a browser without the session's CSRF token. */
export function checkCaller(
  caller: Caller | undefined,
  { route, request }: { route: Route; request: Request },
): void {
  if (route.role === "public") return;
  if (caller === undefined)
    throw new Refusal(
      "unauthenticated",
      "Open the link you were given: no session was sent, or it has ended.",
    );
  if (caller.viaCookie && request.method !== "GET") {
    const sent = request.headers.get("x-attune-csrf") ?? "";
    if (!sameText(sent, caller.csrf))
      throw new Refusal("forbidden", "The header x-attune-csrf is missing or belongs to another session.");
  }
  if (ranks[caller.role] < ranks[route.role])
    throw new Refusal("forbidden", `This needs the role ${route.role}.`);
  if (route.role === "owner" && caller.project !== null && !route.path.includes("/:project"))
    throw new Refusal("forbidden", "This needs an owner of all projects.");
}

/** One bucket a session, and one an address for those without. */
export function checkRate(
  caller: Caller | undefined,
  { context, address }: { context: ServerContext; address: string },
): void {
  const wait =
    caller === undefined
      ? context.limits.strangers.take(address)
      : context.limits.calls.take(caller.session ?? caller.annotator);
  if (wait > 0) throw new Refusal("too_many", "Too many requests; wait a little.", wait);
}

/** A project that is not the caller's is told apart from one that does not exist by nobody. */
export async function loadProject(
  id: string,
  { caller, context }: { caller: Caller | undefined; context: ServerContext },
): Promise<LoadedProject> {
  const theirs = caller?.project == null || caller.project === id;
  const row = theirs ? (caller?.asked ?? (await findProject(context.store, id))) : undefined;
  if (row === undefined) throw notFound("There is no such project.");
  return { ...row, settings: readSettings(row.settings) };
}

/** Made once: a schema is compiled when it is first used. */
const StoredSettings = ProjectSettings.strip();

/** Settings as stored, with defaults for what is not there. */
export const readSettings = (stored: Record<string, unknown>): ProjectSettings =>
  StoredSettings.parse(stored);
