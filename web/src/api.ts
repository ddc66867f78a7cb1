/**
 * What the page asks of the server: the routes of src/server/api.ts by name (types only), the session's cookie and CSRF token, errors
 * in words. Knows no screen.
 */
import type { BodyOf, ResponseOf, RouteName } from "../../src/server/api.js";
import type { z } from "zod";
import type {
  Answer as AnswerSchema,
  OwnProgress as OwnProgressSchema,
  ReviewItem as ReviewItemSchema,
  Session as SessionSchema,
  ShownItem as ShownItemSchema,
} from "../../src/server/api-schemas.js";

export type Answer = z.output<typeof AnswerSchema>;
export type Session = z.output<typeof SessionSchema>;
export type ShownItem = z.output<typeof ShownItemSchema>;
export type ReviewItem = z.output<typeof ReviewItemSchema>;
export type OwnProgress = z.output<typeof OwnProgressSchema>;
export type Project = ResponseOf<"project">;
export type Message = ShownItem["prompt"][number];
export type Candidate = ShownItem["candidates"][number];
export type Estimate = { value: number | null; low: number | null; high: number | null; note: string | null };

const of = (rest: string): string => `/api/projects/:project${rest}`;

/** Only what the page uses; the server's table would bring all schemas into the page. */
const paths = {
  login: ["POST", "/api/session"],
  session: ["GET", "/api/session"],
  logout: ["DELETE", "/api/session"],
  projects: ["GET", "/api/projects"],
  createProject: ["POST", "/api/projects"],
  project: ["GET", of("")],
  changeProject: ["PATCH", of("")],
  guidelines: ["GET", of("/guidelines")],
  addGuideline: ["POST", of("/guidelines")],
  next: ["POST", of("/next")],
  submit: ["POST", of("/judgements")],
  heartbeat: ["POST", of("/leases/:lease/heartbeat")],
  revise: ["POST", of("/judgements/:judgement/revise")],
  undo: ["POST", of("/undo")],
  history: ["GET", of("/history")],
  judgedItem: ["GET", of("/judgements/:judgement")],
  review: ["GET", of("/review")],
  adjudicate: ["POST", of("/items/:item/adjudicate")],
  agreement: ["GET", of("/agreement")],
  agreementGroups: ["GET", of("/agreement/groups")],
  agreementPairs: ["GET", of("/agreement/pairs")],
  leaderboard: ["GET", of("/leaderboard")],
  items: ["GET", of("/items")],
  item: ["GET", of("/items/:item")],
  annotators: ["GET", of("/annotators")],
  changeAnnotator: ["PATCH", of("/annotators/:annotator")],
  invite: ["POST", of("/invitations")],
  invitations: ["GET", of("/invitations")],
  revokeInvitation: ["DELETE", of("/invitations/:invitation")],
  progress: ["GET", of("/progress")],
  exportProject: ["GET", of("/export")],
} as const satisfies Partial<Record<RouteName, readonly [string, string]>>;

type Called = keyof typeof paths;

/** The server said no, or was not there (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

let csrf = "";
let project = "";

export const setProject = (id: string): void => void (project = id);
export const currentProject = (): string => project;

export interface CallOptions<N extends Called> {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: BodyOf<N>;
}

export async function call<N extends Called>(
  name: N,
  { path = {}, query = {}, body }: CallOptions<N> = {},
): Promise<ResponseOf<N>> {
  const [method, pattern] = paths[name];
  const filled = pattern.replace(/:(\w+)/g, (_, part: string) =>
    encodeURIComponent(path[part] ?? (part === "project" ? project : "")),
  );
  const pairs = Object.entries(query).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  const search = pairs.length > 0 ? `?${new URLSearchParams(pairs).toString()}` : "";
  let response: Response;
  try {
    response = await fetch(`${filled}${search}`, {
      method,
      headers: { ...(method !== "GET" && { "content-type": "application/json", "x-attune-csrf": csrf }) },
      ...(method !== "GET" && { body: JSON.stringify(body ?? {}) }),
      signal: AbortSignal.timeout(30_000),
    });
  } catch {
    throw new ApiError(0, "offline", "The server cannot be reached.");
  }
  const type = response.headers.get("content-type") ?? "";
  const content: unknown = /application\/json/.test(type) ? await response.json() : await response.text();
  if (!response.ok) {
    const { code = "internal", message = `The server answered ${response.status}.` } =
      (content as { error?: { code?: string; message?: string } }).error ?? {};
    throw new ApiError(response.status, code, message);
  }
  if (name === "login" || name === "session") csrf = (content as Session).csrf;
  return content as ResponseOf<N>;
}

/** The token of an invitation or of the start, from the address; taken out of it at once, so that it is not left in the history. */
export function takeToken(): string | null {
  const found =
    /[#&?]token=([^&]+)/.exec(location.hash) ??
    /[?&]token=([^&]+)/.exec(location.search) ??
    /#?\/(?:join|invite)\/([^/?&#]+)/.exec(location.href);
  if (found === null) return null;
  history.replaceState(null, "", `${location.pathname.replace(/\/(?:join|invite)\/.*$/, "/")}#/annotate`);
  return decodeURIComponent(found[1]!);
}
