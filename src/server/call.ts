/** What a route's handler is given and what it gives back, typed by the table of routes. Knows no particular route. */
import type { z } from "zod";
import type { PathOf, ResponseOf, Role, RouteName, routes } from "./api.js";
import type { Agreement, GroupAgreement, ProjectSettings } from "./api-schemas.js";
import type { ProjectRow, Store } from "../store/index.js";
import type { KeptAnswers } from "./kept-answer.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";
import type { Openings } from "./openings.js";
import type { ProgressFeed } from "./progress-feed.js";
import type { RateLimit } from "./rate-limit.js";

/** What lives as long as the server. */
export interface ServerContext {
  store: Store;
  /** Whoever knows it is an owner of all projects. */
  ownerToken: string;
  openings: Openings;
  log: Log;
  metrics: Metrics;
  feed: ProgressFeed;
  agreements: KeptAnswers<Agreement>;
  groupAgreements: KeptAnswers<GroupAgreement>;
  /** Open streams of live progress, by person. */
  streams: Map<string, number>;
  /** Says that a webhook may be due. */
  wakeWebhooks: () => void;
  /** Names besides loopback's and addresses that this server answers to. */
  hostNames: readonly string[];
  cookie: { name: string; secure: boolean };
  limits: {
    /** By session. */
    calls: RateLimit;
    /** By address: calls without a session. */
    strangers: RateLimit;
    /** By address: tokens that were no good. */
    guesses: RateLimit;
  };
}

/** Who calls. */
export interface Caller {
  annotator: string;
  role: Role;
  /** Null: an owner of all projects. */
  project: string | null;
  quota: number | null;
  csrf: string;
  expires_at: string;
  /** The session's token; null for a program that sent the owner's token itself. */
  session: string | null;
  /** Browsers send cookies unasked, so what comes with one needs the CSRF token too. */
  viaCookie: boolean;
  /** The project that is asked for, where it came with the session and is theirs. */
  asked?: ProjectRow | null;
}

export interface LoadedProject {
  id: string;
  name: string;
  settings: ProjectSettings;
  created_at: string;
}

type Query<N extends RouteName> = (typeof routes)[N] extends { query: infer Q extends z.ZodType }
  ? z.output<Q>
  : undefined;
type Body<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends z.ZodType }
  ? z.output<B>
  : undefined;
type IsPublic<N extends RouteName> = (typeof routes)[N]["role"] extends "public" ? true : false;

export interface Call<N extends RouteName> {
  context: ServerContext;
  store: Store;
  caller: IsPublic<N> extends true ? Caller | undefined : Caller;
  /** Of the path, and within the caller's reach. */
  project: PathOf<N> extends { project: string } ? LoadedProject : undefined;
  path: PathOf<N>;
  query: Query<N>;
  body: Body<N>;
  request: Request;
  /** The other end's address, for rate limits only: it is not kept. */
  address: string;
  /** To be added to the reply. */
  headers: Headers;
}

/** Routes that produce something other than JSON, or another status, make their reply themselves. */
export type Reply<N extends RouteName> = (typeof routes)[N] extends { produces: string }
  ? Response
  : ResponseOf<N> | Response;
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Reply<N>>;
