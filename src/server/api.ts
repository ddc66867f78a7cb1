/**
 * The HTTP interface as data: every route with its method, path, role, and the schemas of what goes in and comes out. The
 * server, its OpenAPI page and the typed client are all made from this table. Knows no database and no framework.
 */
import { z } from "zod";
import * as s from "./api-schemas.js";

export type Role = z.infer<typeof s.Role>;

export interface Route {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** `:name` marks a part that is filled in. */
  path: string;
  /** Least role that may call it; `public` needs no session. owner > reviewer > annotator. */
  role: Role | "public";
  summary: string;
  query?: z.ZodObject;
  body?: z.ZodType;
  response: z.ZodType;
  /** Other than `application/json`. */
  /** The body may have so many bytes; default 2 MiB. */
  bytes?: number;
  produces?: "text/event-stream" | "text/plain" | "application/x-ndjson";
}

const none = z.strictObject({});
const project = "/api/projects/:project";
const page = { limit: z.coerce.number().int().min(1).max(200).default(50), after: z.string().optional() };

export const routes = {
  login: {
    method: "POST",
    path: "/api/session",
    role: "public",
    summary: "Trade the token of an invitation link (or the start-up token) for a session cookie",
    body: z.strictObject({ token: z.string().min(1).max(200), name: z.string().max(100).optional() }),
    response: s.Session,
  },
  session: {
    method: "GET",
    path: "/api/session",
    role: "annotator",
    summary: "Who I am",
    response: s.Session,
  },
  logout: {
    method: "DELETE",
    path: "/api/session",
    role: "annotator",
    summary: "End the session",
    response: none,
  },

  projects: {
    method: "GET",
    path: "/api/projects",
    role: "annotator",
    summary: "The projects that I may see",
    response: z.strictObject({ projects: z.array(s.Project) }),
  },
  createProject: {
    method: "POST",
    path: "/api/projects",
    role: "owner",
    summary: "A new, empty project",
    body: s.NewProject,
    response: s.Project,
  },
  project: {
    method: "GET",
    path: project,
    role: "annotator",
    summary: "Task, settings and the guideline in force",
    response: s.Project,
  },
  changeProject: {
    method: "PATCH",
    path: project,
    role: "owner",
    summary: "Change a project's name or settings; settings that are not given stay",
    body: z.strictObject({
      name: z.string().min(1).optional(),
      settings: s.SettingsChange.optional(),
    }),
    response: s.Project,
  },
  guidelines: {
    method: "GET",
    path: `${project}/guidelines`,
    role: "annotator",
    summary: "Every version, newest first",
    response: z.strictObject({ guidelines: z.array(s.Guideline) }),
  },
  addGuideline: {
    method: "POST",
    path: `${project}/guidelines`,
    role: "owner",
    summary: "A new version; earlier judgements keep theirs",
    body: z.strictObject({ markdown: z.string().max(200_000) }),
    response: s.Guideline,
  },

  next: {
    method: "POST",
    path: `${project}/next`,
    role: "annotator",
    summary: "The item to judge now, leased to me; the same one again while its lease lasts",
    body: none,
    response: s.Next,
  },
  submit: {
    method: "POST",
    path: `${project}/judgements`,
    role: "annotator",
    summary: "Submit an answer; the same idempotency key gives the same receipt and stores nothing twice",
    body: s.Submission,
    bytes: 8 * 1024 * 1024,
    response: s.Receipt,
  },
  heartbeat: {
    method: "POST",
    path: `${project}/leases/:lease/heartbeat`,
    role: "annotator",
    summary:
      "I am still here: the lease lasts on from now. 409 when it is gone (the answer may still be sent)",
    body: none,
    response: z.strictObject({ lease: z.string(), expires_at: z.string() }),
  },
  release: {
    method: "DELETE",
    path: `${project}/leases/:lease`,
    role: "annotator",
    summary: "Give the item back without an answer",
    response: none,
  },
  revise: {
    method: "POST",
    path: `${project}/judgements/:judgement/revise`,
    role: "annotator",
    summary: "A new answer that replaces one of mine; the old one is kept",
    body: s.Revision,
    bytes: 8 * 1024 * 1024,
    response: s.Receipt,
  },
  undo: {
    method: "POST",
    path: `${project}/undo`,
    role: "annotator",
    summary: "My last judgement with its item as it was shown, to be revised; nothing is changed yet",
    body: none,
    response: z.strictObject({ judgement: s.HistoryEntry.nullable(), item: s.ShownItem.nullable() }),
  },
  history: {
    method: "GET",
    path: `${project}/history`,
    role: "annotator",
    summary: "My judgements, newest first",
    query: z.strictObject(page),
    response: z.strictObject({ entries: z.array(s.HistoryEntry), after: z.string().nullable() }),
  },
  judgedItem: {
    method: "GET",
    path: `${project}/judgements/:judgement`,
    role: "annotator",
    summary: "One judgement of mine (reviewers: anybody's) with its item as it was shown",
    response: z.strictObject({ judgement: s.HistoryEntry, item: s.ShownItem }),
  },
  mine: {
    method: "GET",
    path: `${project}/me`,
    role: "annotator",
    summary: "How far I am, and practice results",
    response: s.OwnProgress,
  },

  review: {
    method: "GET",
    path: `${project}/review`,
    role: "reviewer",
    summary: "Items on which people disagree, most first, with every judgement un-swapped",
    query: z.strictObject({
      ...page,
      which: z.enum(["disagreement", "flagged", "all"]).default("disagreement"),
    }),
    response: z.strictObject({ items: z.array(s.ReviewItem), after: z.string().nullable() }),
  },
  adjudicate: {
    method: "POST",
    path: `${project}/items/:item/adjudicate`,
    role: "reviewer",
    summary: "Decide an item; the item leaves the queue, the judgements stay",
    body: s.Adjudication,
    bytes: 8 * 1024 * 1024,
    response: s.Adjudicated,
  },
  agreement: {
    method: "GET",
    path: `${project}/agreement`,
    role: "reviewer",
    summary: "Agreement with intervals, left-rate, annotators",
    response: s.Agreement,
  },
  agreementPairs: {
    method: "GET",
    path: `${project}/agreement/pairs`,
    role: "reviewer",
    summary: "Who agrees with whom: every two people who judged the same items, with intervals",
    query: z.strictObject({ most: z.coerce.number().int().min(2).max(200).default(40) }),
    response: s.AgreementPairs,
  },
  agreementGroups: {
    method: "GET",
    path: `${project}/agreement/groups`,
    role: "reviewer",
    summary: "Agreement within each group of items, and how many people are given only that group",
    response: s.GroupAgreement,
  },
  leaderboard: {
    method: "GET",
    path: `${project}/leaderboard`,
    role: "reviewer",
    summary: "Bradley-Terry strengths of the models behind the candidates, with intervals",
    response: s.Leaderboard,
  },
  items: {
    method: "GET",
    path: `${project}/items`,
    role: "reviewer",
    summary: "The data browser",
    query: z.strictObject({
      ...page,
      search: z.string().max(200).optional(),
      status: z.enum(["any", "open", "complete", "adjudicated"]).default("any"),
    }),
    response: z.strictObject({
      items: z.array(s.BrowserItem),
      total: z.number(),
      after: z.string().nullable(),
    }),
  },
  item: {
    method: "GET",
    path: `${project}/items/:item`,
    role: "reviewer",
    summary: "One item whole, with its judgements",
    response: s.ReviewItem,
  },
  addItems: {
    method: "POST",
    path: `${project}/items`,
    role: "owner",
    summary: "Add items; ids that are there already are left as they are",
    body: z.strictObject({ items: z.array(s.NewItem).min(1).max(1000) }),
    bytes: 64 * 1024 * 1024,
    response: z.strictObject({ added: z.number(), present: z.number() }),
  },
  exportProject: {
    method: "GET",
    path: `${project}/export`,
    role: "owner",
    summary: "Training data or the lossless dump, one JSON object a line",
    query: s.ExportQuery,
    response: z.string(),
    produces: "application/x-ndjson",
  },

  annotators: {
    method: "GET",
    path: `${project}/annotators`,
    role: "reviewer",
    summary: "Everybody's numbers, and the groups that items are in",
    response: z.strictObject({ annotators: z.array(s.AnnotatorRow), groups: z.array(z.string()) }),
  },
  changeAnnotator: {
    method: "PATCH",
    path: `${project}/annotators/:annotator`,
    role: "owner",
    summary: "Quota, the groups of items that are given to this person (null: all), or shut out",
    body: z.strictObject({
      quota: z.number().int().min(0).max(1_000_000_000).nullable().optional(),
      groups: z.array(z.string().min(1).max(200)).min(1).max(1000).nullable().optional(),
      disabled: z.boolean().optional(),
    }),
    response: none,
  },
  invitations: {
    method: "GET",
    path: `${project}/invitations`,
    role: "owner",
    summary: "Links that are still good (without their tokens)",
    response: z.strictObject({ invitations: z.array(s.Invitation) }),
  },
  invite: {
    method: "POST",
    path: `${project}/invitations`,
    role: "owner",
    summary: "A new link; its token is shown this once",
    body: s.NewInvitation,
    response: s.Invitation.extend({ token: z.string(), path: z.string() }),
  },
  revokeInvitation: {
    method: "DELETE",
    path: `${project}/invitations/:invitation`,
    role: "owner",
    summary: "The link stops working",
    response: none,
  },
  // Not for annotators: an answer that these do not count was to a gold item or a repeat.
  progress: {
    method: "GET",
    path: `${project}/progress`,
    role: "reviewer",
    summary: "How far the project is",
    response: s.Progress,
  },
  events: {
    method: "GET",
    path: `${project}/events`,
    role: "reviewer",
    summary: "Live progress: an event `progress` whenever it changes, at most one a second",
    response: s.Progress,
    produces: "text/event-stream",
  },

  health: {
    method: "GET",
    path: "/healthz",
    role: "public",
    summary: "200 when the database answers, else 503",
    response: z.strictObject({ status: z.enum(["ok", "database unreachable"]) }),
  },
  metrics: {
    method: "GET",
    path: "/metrics",
    role: "owner",
    summary: "Prometheus text",
    response: z.string(),
    produces: "text/plain",
  },
  openapi: {
    method: "GET",
    path: "/openapi.json",
    role: "public",
    summary: "This table as OpenAPI 3.1",
    response: z.record(z.string(), z.unknown()),
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;

/** What comes back of a route. */
export type ResponseOf<N extends RouteName> = z.output<(typeof routes)[N]["response"]>;
/** What is sent; `undefined` for a route without a body. */
export type BodyOf<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends z.ZodType }
  ? z.input<B>
  : undefined;
/** The part behind the `?`. */
export type QueryOf<N extends RouteName> = (typeof routes)[N] extends { query: infer Q extends z.ZodType }
  ? z.input<Q>
  : undefined;
type Names<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<`/${Rest}`>
  : P extends `${string}:${infer Name}`
    ? Name
    : never;
/** The filled-in parts of the path. */
export type PathOf<N extends RouteName> = { [K in Names<(typeof routes)[N]["path"]>]: string };
