/** A server on an empty store of its own, with what tests do over and over: people who come in, items, judgements. */
import type { LogEntry } from "../../src/server/log.js";
import { serve, type RunningServer, type ServeOptions } from "../../src/server/serve.js";
import { openStore, type Store } from "../../src/store/index.js";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Json = Record<string, unknown>;

export interface Answered {
  status: number;
  headers: Headers;
  /** Parsed where it is JSON, else the text. */
  // oxlint-disable-next-line typescript/no-explicit-any -- replies of every shape, read in tests only
  body: any;
}

export interface Person {
  annotator: string;
  cookie: string;
  csrf: string;
  get: (path: string, headers?: Record<string, string>) => Promise<Answered>;
  send: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answered>;
}

export interface Running {
  server: RunningServer;
  store: Store;
  log: LogEntry[];
  /** The clock, in milliseconds ahead of the machine's. */
  clock: { ahead: number };
  ask: (path: string, init?: RequestInit) => Promise<Answered>;
  enter: (token: string, name?: string) => Promise<Person>;
  owner: () => Promise<Person>;
  /** Somebody new in a project. */
  join: (project: string, role?: string) => Promise<Person>;
  close: () => Promise<void>;
}

/** A page that need not be built. */
function smallPage(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-page-"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
  writeFileSync(join(folder, "icon.svg"), "<svg/>");
  return folder;
}

/** On a store of its own, which it closes, or on the one that is given. */
export async function start(
  options: Partial<ServeOptions> & { databaseUrl?: string } = {},
): Promise<Running> {
  const clock = { ahead: 0 };
  const { databaseUrl, ...rest } = options;
  const own =
    rest.store === undefined
      ? await openStore({
          ...(databaseUrl !== undefined && { url: databaseUrl }),
          now: () => new Date(Date.now() + clock.ahead),
        })
      : undefined;
  const store = rest.store ?? own!;
  const log: LogEntry[] = [];
  const server = await serve({
    log: (entry) => void log.push({ time: "", ...entry }),
    page: smallPage(),
    callsPerSecond: 10_000,
    ...rest,
    store,
  });
  const ask = async (path: string, init: RequestInit = {}): Promise<Answered> => {
    const reply = await fetch(`${server.url}${path}`, init);
    const text = await reply.text();
    const json = (reply.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: reply.status, headers: reply.headers, body: json ? JSON.parse(text) : text };
  };
  const json = (method: string, body: unknown, headers: Record<string, string>): RequestInit => ({
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const enter = async (token: string, name?: string): Promise<Person> => {
    const login = await ask("/api/session", json("POST", { token, ...(name && { name }) }, {}));
    if (login.status !== 200)
      throw new Error(`login answered ${login.status}: ${JSON.stringify(login.body)}`);
    const cookie = login.headers.get("set-cookie")!.split(";")[0]!;
    const { annotator, csrf } = login.body as { annotator: string; csrf: string };
    return {
      annotator,
      cookie,
      csrf,
      get: (path, headers = {}) => ask(path, { headers: { cookie, ...headers } }),
      send: (method, path, body = {}, headers = {}) =>
        ask(path, json(method, body, { cookie, "x-attune-csrf": csrf, ...headers })),
    };
  };
  let first: Promise<Person> | undefined;
  const owner = (): Promise<Person> => (first ??= enter(server.ownerToken));
  return {
    server,
    store,
    log,
    clock,
    ask,
    enter,
    owner,
    async join(project, role = "annotator") {
      const made = await (await owner()).send("POST", `/api/projects/${project}/invitations`, { role });
      return enter(made.body.token as string);
    },
    async close() {
      await server.close();
      await own?.close();
    },
  };
}

/** Pairs whose second candidate is from another model than the first. */
export const pairs = (n: number, more: (k: number) => Json = () => ({})): Json[] =>
  Array.from({ length: n }, (_, k) => ({
    id: `item-${k}`,
    prompt: [{ role: "user", content: `Question ${k}` }],
    candidates: ["x", "y"].map((id) => ({
      id,
      source: { model: `model-${id}` },
      messages: [{ role: "assistant", content: `Answer ${id} to ${k}`, model: `model-${id}` }],
    })),
    ...more(k),
  }));

let made = 0;
/** A project of its own. */
export async function project(
  running: Running,
  { items = pairs(3), settings = {} }: { items?: Json[]; settings?: Json } = {},
): Promise<string> {
  const owner = await running.owner();
  const id = `p${(made += 1)}`;
  const created = await owner.send("POST", "/api/projects", { id, name: `Project ${id}`, settings });
  if (created.status !== 200) throw new Error(JSON.stringify(created.body));
  if (items.length > 0) {
    const added = await owner.send("POST", `/api/projects/${id}/items`, { items });
    if (added.status !== 200) throw new Error(JSON.stringify(added.body));
  }
  return id;
}

let keys = 0;
export const newKey = (): string => `key-${String((keys += 1)).padStart(6, "0")}`;

/** Takes the next item and chooses the candidate on the given side. */
export async function judge(
  person: Person,
  project: string,
  answer: Json = { outcome: { type: "pair", chosen: "A", rejected: "B" } },
): Promise<Answered> {
  const next = await person.send("POST", `/api/projects/${project}/next`);
  if (next.body.kind !== "item") throw new Error(`nothing to judge: ${JSON.stringify(next.body)}`);
  return person.send("POST", `/api/projects/${project}/judgements`, {
    key: newKey(),
    lease: next.body.lease,
    active_ms: 1200,
    layout: "side-by-side",
    answer,
  });
}
