/**
 * The annotation interface in memory, for the page's own tests: serves dist/web under the strictest policy and answers the routes of
 * src/server/api.ts from arrays. Records every request. Knows no database and no statistics.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as s from "../../src/server/api-schemas.js";
import { routes, type RouteName } from "../../src/server/api.js";
import { agreementMatrix, type SharedItems } from "../../src/stats/index.js";
import { contentPolicy } from "../../src/server/security-headers.js";

const web = fileURLToPath(new URL("../../dist/web", import.meta.url));
const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

type Item = (typeof s.ShownItem)["_zod"]["output"];
export type FakeItem = Omit<Item, "id" | "divergence" | "task">;

export interface FakeOptions {
  task: (typeof s.Task)["_zod"]["output"];
  items: readonly FakeItem[];
  settings?: Partial<(typeof s.ProjectSettings)["_zod"]["input"]>;
  /** Stands in every text that comes from elsewhere: names of models and people, comments, reasons, guidelines. */
  saying?: string;
  /** What every two people judged in common. */
  shared?: readonly SharedItems[];
}

const threePeople: readonly SharedItems[] = [
  { one: "a-7f3k", other: "b-22mx", compared: 20, agreed: 16 },
  { one: "a-7f3k", other: "c-9qpd", compared: 20, agreed: 14 },
  { one: "b-22mx", other: "c-9qpd", compared: 12, agreed: 9 },
];

export interface Fake {
  url: string;
  /** What was submitted, in order, checked against the schemas. */
  submissions: {
    body: (typeof s.Submission)["_zod"]["output"] | (typeof s.Revision)["_zod"]["output"];
    revises: string | null;
  }[];
  /** What was decided in review, in order. */
  adjudications: { item: string; answer: (typeof s.Answer)["_zod"]["output"]; reason: string | null }[];
  requests: string[];
  /** While true every call is cut off. */
  offline: boolean;
  /** While true nobody is let in. */
  closed: boolean;
  /** While not null every judgement is refused with this message. */
  refuses: string | null;
  close: () => Promise<void>;
}

export async function startFake({
  task,
  items,
  settings = {},
  saying = "",
  shared = threePeople,
}: FakeOptions): Promise<Fake> {
  const shown = items.map((item, k): Item => ({ ...item, id: `item-${k}`, task, divergence: null }));
  const log: {
    id: string;
    item: Item;
    answer: (typeof s.Answer)["_zod"]["output"];
    revises: string | null;
  }[] = [];
  const keys = new Map<string, string>();
  const given = new Map<string, string[] | null>([["a-7f3k", ["law"]]]);
  const project = {
    id: "fake",
    name: `Kind answers${saying}`,
    settings: { ...s.ProjectSettings.parse({ task, ...settings }), webhook: null },
    guideline: null,
    created_at: "2026-01-01T00:00:00Z",
  };
  const estimate = (value: number | null, half = 0.12) =>
    value === null
      ? { value, low: null, high: null, note: "not enough yet" }
      : { value, low: value - half, high: Math.min(1, value + half), note: null };
  const progress = () => ({
    done: new Set(log.map(({ item }) => item.id)).size,
    quota: shown.length,
    practice: null,
  });
  const entry = (k: number) => {
    const { id, item, answer, revises } = log[k]!;
    return {
      judgement: id,
      item: item.id,
      submitted_at: "2026-01-02T10:00:00Z",
      active_ms: 9000,
      answer,
      revision_of: revises,
      replaced: log.some((each) => each.revises === id),
      excerpt: String(item.prompt[0]?.content).slice(0, 80),
    };
  };
  const reviewed = (k: number) => ({
    item: { id: shown[k]!.id, task, prompt: shown[k]!.prompt, divergence: null },
    candidates: shown[k]!.candidates.map((each, n) => ({
      ...each,
      source: { model: `model ${n}${saying}` },
    })),
    gold: null,
    disagreement: 0.5,
    judgements: ["a-7f3k", "b-22mx"].map((annotator, n) => ({
      judgement: `${k}-${n}`,
      annotator,
      shown_order: [],
      late: false,
      submitted_at: "2026-01-02T10:00:00Z",
      active_ms: 8000,
      category: n ? "first" : "second",
      answer: {
        outcome: {
          type: "pair" as const,
          chosen: shown[k]!.candidates[n]!.id,
          rejected: shown[k]!.candidates[1 - n]!.id,
        },
        strength: 2,
        ...(saying && { comment: saying, reasons: [saying] }),
      },
    })),
    adjudicated: null,
  });
  /** Pages of at most 25. */
  const pageOf = (query: URLSearchParams): Item[] => {
    const start = shown.findIndex(({ id }) => id === query.get("after")) + 1;
    return shown.slice(start, start + 25);
  };
  const fake: Fake = {
    url: "",
    submissions: [],
    adjudications: [],
    requests: [],
    offline: false,
    closed: false,
    refuses: null,
    close: () => Promise.resolve(),
  };
  const submit = (
    body: Fake["submissions"][number]["body"],
    { item, revises }: { item: Item; revises: string | null },
  ) => {
    const replayed = keys.has(body.key);
    if (!replayed) {
      keys.set(body.key, `j${log.length}`);
      log.push({ id: `j${log.length}`, item, answer: body.answer, revises });
      fake.submissions.push({ body, revises });
    }
    return { judgement: keys.get(body.key)!, late: false, replayed, feedback: null, progress: progress() };
  };
  const handlers: Partial<
    Record<RouteName, (o: { path: Record<string, string>; query: URLSearchParams; body: unknown }) => unknown>
  > = {
    login: () => session,
    session: () => session,
    projects: () => ({ projects: [project] }),
    project: () => project,
    changeProject: () => project,
    guidelines: () => ({
      guidelines: [
        {
          version: 2,
          markdown: `# Be fair\n\nPrefer what is **true**, then what is short. ${saying}`,
          created_at: "2026-01-01T00:00:00Z",
        },
      ],
    }),
    next: () => {
      const item = shown.find(({ id }) => !log.some((each) => each.item.id === id));
      return item
        ? {
            kind: "item",
            lease: `lease-${item.id}`,
            expires_at: "2026-01-02T11:00:00Z",
            item,
            guideline_version: 2,
            practice: false,
            progress: progress(),
          }
        : { kind: "nothing", reason: "complete", progress: progress() };
    },
    submit: ({ body }) => {
      const read = s.Submission.parse(body);
      return submit(read, { item: shown.find(({ id }) => read.lease === `lease-${id}`)!, revises: null });
    },
    revise: ({ path, body }) =>
      submit(s.Revision.parse(body), {
        item: log.find(({ id }) => id === path["judgement"])!.item,
        revises: path["judgement"]!,
      }),
    heartbeat: ({ path }) => ({ lease: path["lease"], expires_at: "2026-01-02T11:00:00Z" }),
    undo: () =>
      log.length === 0
        ? { judgement: null, item: null }
        : { judgement: entry(log.length - 1), item: log.at(-1)!.item },
    history: () => ({ entries: log.map((_, k) => entry(k)).toReversed(), after: null }),
    judgedItem: ({ path }) => {
      const k = log.findIndex(({ id }) => id === path["judgement"]);
      return { judgement: entry(k), item: log[k]!.item };
    },
    review: () => ({
      items: [0, 1]
        .filter((k) => k < shown.length && !fake.adjudications.some(({ item }) => item === shown[k]!.id))
        .map((k) => reviewed(k)),
      after: null,
    }),
    item: ({ path }) => reviewed(shown.findIndex(({ id }) => id === path["item"])),
    adjudicate: ({ path, body }) => {
      const { answer, reason = null } = s.Adjudication.parse(body);
      fake.adjudications.push({ item: path["item"]!, answer, reason });
      return { by: "owner", at: "2026-01-02T12:00:00Z", answer, reason };
    },
    agreement: () => ({
      items: 20,
      judgements: 60,
      annotators: 3,
      categories: [
        { name: "first", count: 30 },
        { name: "second", count: 30 },
      ],
      percent: estimate(0.78),
      alpha: estimate(0.56),
      fleiss: estimate(0.55),
      ac1: estimate(0.6),
      left: { ...estimate(0.52), p: 0.81 },
      ceiling: estimate(0.87, 0.06),
      tie_rate: estimate(0.08, 0.04),
      skip_rate: estimate(0.02, 0.02),
      words: [
        "Two people who see the same pair choose the same answer 78% of the time.",
        "Twenty items are few: read the intervals, not the values.",
      ],
    }),
    agreementPairs: () => {
      const named = shared.map((pair) => ({
        ...pair,
        one: `${pair.one}${saying}`,
        other: `${pair.other}${saying}`,
      }));
      const { leftOut, ...matrix } = agreementMatrix(named, { most: 40 });
      return { ...matrix, left_out: leftOut };
    },
    agreementGroups: () => ({
      groups: ["law", "small talk"].map((group, k) => ({
        group: `${group}${saying}`,
        items: 10,
        judgements: 20,
        annotators: 1 - k,
        percent: estimate(0.7),
        alpha: estimate(k === 0 ? 0.4 : null),
      })),
      left_out: 0,
    }),
    annotators: () => ({
      annotators: ["a-7f3k", "b-22mx", "c-9qpd"].map((annotator, k) => ({
        annotator: `${annotator}${saying}`,
        role: "annotator",
        judgements: 20,
        skips: k,
        ties: 2,
        late: 0,
        left: { ...estimate(0.5 + k / 20), p: 0.7 },
        agreement: estimate(0.75),
        gold: estimate(k === 2 ? null : 0.9, 0.08),
        consistency: estimate(0.85),
        mean_active_ms: 14_000 + k * 4000,
        quota: null,
        groups: given.get(annotator) ?? null,
        disabled: false,
        last_at: null,
      })),
      groups: ["law", "small talk"],
    }),
    leaderboard: () => ({
      rows: ["small", "large", "tuned"].map((model, k) => ({
        model: `${model}${saying}`,
        strength: k / 2 - 0.5,
        low: k / 2 - 0.9,
        high: k / 2 - 0.1,
        comparisons: 40,
        wins: 20,
        ties: 4,
      })),
      words: ["Whom these people preferred on these prompts, not who is right."],
    }),
    items: ({ query }) => ({
      items: pageOf(query).map(({ id, prompt }, k) => ({
        id,
        excerpt: String(prompt[0]?.content).slice(0, 80),
        candidates: 2,
        judgements: 2,
        status: k % 2 ? "open" : "complete",
        role: k === 3 ? "gold" : "task",
      })),
      total: shown.length,
      after: pageOf(query).at(-1) === shown.at(-1) ? null : pageOf(query).at(-1)!.id,
    }),
    progress: () => ({ items: 20, complete: 8, judgements: 31, wanted: 29, annotators: 3, leases: 2 }),
    changeAnnotator: ({ path, body }) => {
      const { groups } = body as { groups?: string[] | null };
      if (groups !== undefined) given.set(path["annotator"]!, groups);
      return {};
    },
    invitations: () => ({
      invitations: [
        {
          id: "i",
          role: "annotator",
          uses_left: 3,
          expires_at: "2026-02-01T00:00:00Z",
          created_at: "2026-01-01T00:00:00Z",
        },
      ],
    }),
    revokeInvitation: () => ({}),
    logout: () => ({}),
    invite: () => ({
      id: "i",
      role: "annotator",
      uses_left: 1,
      expires_at: "2026-02-01T00:00:00Z",
      created_at: "2026-01-01T00:00:00Z",
      token: "secret",
      path: "/#token=secret",
    }),
  };
  const session = {
    annotator: "a-7f3k",
    role: "owner",
    project: "fake",
    csrf: "csrf",
    expires_at: "2026-02-01T00:00:00Z",
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://fake");
    fake.requests.push(`${request.method} ${url.pathname}`);
    if (fake.offline && url.pathname.startsWith("/api")) return void request.socket.destroy();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const found = matchRoute(request.method ?? "GET", url.pathname);
      if (found !== null) {
        if (fake.closed) {
          response.writeHead(401, { "content-type": "application/json" });
          return response.end(
            JSON.stringify({ error: { code: "unauthenticated", message: "No session.", request: "0" } }),
          );
        }
        if (found.name === "submit" && fake.refuses !== null) {
          response.writeHead(409, { "content-type": "application/json" });
          return response.end(
            JSON.stringify({ error: { code: "conflict", message: fake.refuses, request: "0" } }),
          );
        }
        const text = Buffer.concat(chunks).toString();
        const answer = handlers[found.name]?.({
          path: found.path,
          query: url.searchParams,
          body: text === "" ? undefined : JSON.parse(text),
        });
        response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" });
        return response.end(
          JSON.stringify(answer ?? { error: { code: "not_found", message: "not here", request: "0" } }),
        );
      }
      const file = normalize(url.pathname === "/" ? "/index.html" : url.pathname);
      try {
        const content = readFileSync(join(web, file));
        response.writeHead(200, {
          "content-type": types[extname(file)] ?? "application/octet-stream",
          "content-security-policy": contentPolicy(),
        });
        return response.end(content);
      } catch {
        response.writeHead(404);
        return response.end();
      }
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  fake.close = () =>
    new Promise((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return fake;
}

function matchRoute(
  method: string,
  pathname: string,
): { name: RouteName; path: Record<string, string> } | null {
  for (const [name, route] of Object.entries(routes)) {
    if (route.method !== method) continue;
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
    const match = pattern.exec(pathname);
    if (match)
      return {
        name: name as RouteName,
        path: Object.fromEntries(
          Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]),
        ),
      };
  }
  return null;
}
