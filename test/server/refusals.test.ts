/** What the server refuses: each with its status, a body without secrets, and a line in the log. */
import { request as rawRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routes, type Route } from "../../src/server/api.js";
import { ApiError } from "../../src/server/api-schemas.js";
import { judge, newKey, pairs, project, start, type Answered, type Person, type Running } from "./running.js";

let running: Running;
let owner: Person;
let here: string;
let elsewhere: string;
let person: Person;
let reviewer: Person;
let stranger: Person;

beforeAll(async () => {
  running = await start();
  owner = await running.owner();
  here = await project(running, {
    settings: { webhook: { url: "http://127.0.0.1:9/", secret: "a-secret-of-the-webhook" } },
  });
  elsewhere = await project(running, { items: pairs(2) });
  person = await running.join(here);
  reviewer = await running.join(here, "reviewer");
  stranger = await running.join(elsewhere);
});
afterAll(() => running.close());

/** The refusal's code, after checking that its form and its log line are right. */
function refused(reply: Answered): [number, string] {
  const { error } = ApiError.parse(reply.body);
  expect(error.request).toBe(reply.headers.get("x-request-id"));
  expect(error.message).not.toMatch(/\n\s+at |\.ts:|\.js:|node_modules|select |insert /);
  const line = running.log.find((entry) => entry.request === error.request);
  expect(line).toMatchObject({ event: "refused", status: reply.status, code: error.code });
  return [reply.status, error.code];
}

const filled = (route: Route, id: string): string =>
  route.path.replace(":project", id).replace(/:(\w+)/g, "no-such-$1");
const guarded = Object.entries(routes as Record<string, Route>).filter(([, { role }]) => role !== "public");
const call = (who: Pick<Person, "send" | "get">, { method }: Route, path: string): Promise<Answered> =>
  method === "GET" ? who.get(path) : who.send(method, path, {});

describe("a request", () => {
  it.each(guarded)("to %s without a session is refused", async (_, route) => {
    const reply = await running.ask(filled(route, here), {
      method: route.method,
      ...(route.method !== "GET" && { body: "{}", headers: { "content-type": "application/json" } }),
    });
    expect(refused(reply)).toEqual([401, "unauthenticated"]);
  });

  it.each(guarded.filter(([, { path }]) => path.includes(":project")))(
    "to %s from another project's session is told that there is no such project",
    async (_, route) => {
      const [status, code] = refused(await call(stranger, route, filled(route, here)));
      expect([
        [403, "forbidden"],
        [404, "not_found"],
      ]).toContainEqual([status, code]);
      // Whoever has the role is told no more than anybody: there is nothing of that name.
      if (route.role === "annotator") expect(status).toBe(404);
    },
  );

  it.each(guarded.filter(([, { role }]) => role !== "annotator"))(
    "to %s from an annotator is refused",
    async (_, route) => {
      expect(refused(await call(person, route, filled(route, here)))).toEqual([403, "forbidden"]);
    },
  );

  it.each(guarded.filter(([, { role }]) => role === "owner"))(
    "to %s from a reviewer is refused",
    async (_, route) => {
      expect(refused(await call(reviewer, route, filled(route, here)))).toEqual([403, "forbidden"]);
    },
  );

  it.each(guarded.filter(([, { method }]) => method !== "GET"))(
    "to %s with a cookie and no CSRF token is refused",
    async (_, route) => {
      for (const csrf of ["", "another", person.csrf]) {
        const reply = await owner.send(route.method, filled(route, here), {}, { "x-attune-csrf": csrf });
        expect(refused(reply)).toEqual([403, "forbidden"]);
      }
    },
  );

  it("with another project's lease, judgement or item finds nothing", async () => {
    const next = await stranger.send("POST", `/api/projects/${elsewhere}/next`);
    const judged = await judge(stranger, elsewhere);
    const { lease } = next.body;
    const { judgement } = judged.body;
    const answer = { outcome: { type: "pair", chosen: "A", rejected: "B" } };
    const base = `/api/projects/${here}`;
    expect(
      refused(await person.send("POST", `${base}/judgements`, { key: newKey(), lease, answer })),
    ).toEqual([409, "lease_gone"]);
    expect(refused(await person.send("POST", `${base}/leases/${lease}/heartbeat`))).toEqual([
      409,
      "lease_gone",
    ]);
    expect(refused(await person.send("DELETE", `${base}/leases/${lease}`))).toEqual([404, "not_found"]);
    expect(refused(await person.get(`${base}/judgements/${judgement}`))).toEqual([404, "not_found"]);
    expect(refused(await reviewer.get(`${base}/judgements/${judgement}`))).toEqual([404, "not_found"]);
    expect(
      refused(await person.send("POST", `${base}/judgements/${judgement}/revise`, { key: newKey(), answer })),
    ).toEqual([404, "not_found"]);
    expect(
      refused(await owner.send("PATCH", `${base}/annotators/${stranger.annotator}`, { disabled: true })),
    ).toEqual([404, "not_found"]);
    expect((await stranger.get(`/api/projects/${elsewhere}/me`)).status).toBe(200);
  });

  it("for somebody else's judgement in the same project finds nothing, unless one reviews", async () => {
    const other = await running.join(here);
    const { judgement } = (await judge(other, here)).body;
    expect(refused(await person.get(`/api/projects/${here}/judgements/${judgement}`))).toEqual([
      404,
      "not_found",
    ]);
    expect((await reviewer.get(`/api/projects/${here}/judgements/${judgement}`)).status).toBe(200);
  });

  it.each([
    ["Origin of another site", { origin: "https://evil.example" }],
    ["Origin of nowhere", { origin: "null" }],
    ["Origin of the same machine on another port", { origin: "http://127.0.0.1:1" }],
    ["Origin that is none", { origin: "garbage" }],
    ["mark of another site's page", { "sec-fetch-site": "cross-site" }],
    ["mark of a neighbour's page", { "sec-fetch-site": "same-site" }],
  ])("with the %s is refused", async (_, headers) => {
    expect(refused(await owner.send("POST", `/api/projects/${here}/next`, {}, headers))).toEqual([
      403,
      "forbidden",
    ]);
    const login = await running.ask("/api/session", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ token: running.server.ownerToken }),
    });
    expect(refused(login)).toEqual([403, "forbidden"]);
    expect(login.headers.get("set-cookie")).toBeNull();
  });

  it("from the page itself passes", async () => {
    const headers = { origin: running.server.url, "sec-fetch-site": "same-origin" };
    expect((await owner.send("POST", `/api/projects/${here}/next`, {}, headers)).status).toBe(200);
  });

  it("to a name that is not the server's is refused, also for the page (DNS rebinding)", async () => {
    for (const path of ["/", "/healthz", "/api/session"]) {
      const reply = await withHost(path, "evil.example");
      expect(reply).toMatchObject({ status: 403 });
      expect(reply.text).not.toContain("<title>");
    }
    expect(await withHost("/healthz", "localhost:1234")).toMatchObject({ status: 200 });
  });

  it.each([
    "/api/nothing",
    "/api/projects/x/y/z",
    "/../package.json",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%5cpackage.json",
    "/assets/../../package.json",
    "/index.html/x",
    "//etc/passwd",
  ])("to %s finds nothing", async (path) => {
    const reply = await rawGet(path);
    expect(reply.status).toBe(404);
    expect(reply.text).not.toContain('attune"');
  });

  it("with another method than the route's finds nothing", async () => {
    expect(refused(await owner.send("DELETE", `/api/projects/${here}`))).toEqual([404, "not_found"]);
    expect(refused(await owner.send("POST", "/", {}))).toEqual([404, "not_found"]);
  });
});

describe("a body", () => {
  const submit = (body: unknown, headers = {}): Promise<Answered> =>
    person.send("POST", `/api/projects/${here}/judgements`, body, headers);

  it.each([
    ["no JSON", "{"],
    ["nothing", ""],
    ["a list", []],
    ["null", "null"],
    ["a field too many", { key: "12345678", lease: "l", answer: {}, more: 1 }],
    ["a field too few", { key: "12345678", answer: {} }],
    ["a wrong type", { key: 12, lease: "l", answer: {} }],
    ["a number that is none", '{"key":"12345678","lease":"l","answer":{},"active_ms":1e999}'],
    ["a prototype", '{"key":"12345678","lease":"l","answer":{},"__proto__":{"x":1}}'],
  ])("that is %s is refused", async (_, body) => {
    expect(refused(await submit(body))).toEqual([400, "invalid"]);
  });

  it("of another type than JSON is refused, as a foreign page's form would send it", async () => {
    expect(refused(await submit("{}", { "content-type": "text/plain" }))).toEqual([400, "invalid"]);
  });

  it("that is nested beyond all reason does no harm", async () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(refused(await submit(`{"key":"12345678","lease":"l","answer":{"comment":${deep}}}`))).toEqual([
      400,
      "invalid",
    ]);
  });

  it("whose free parts are nested too deep, or named so that no database keeps it, is refused or mended", async () => {
    const id = await project(running, { settings: { task: "rewrite" } });
    const someone = await running.join(id);
    const { lease } = (await someone.send("POST", `/api/projects/${id}/next`)).body;
    const send = (error: string) =>
      someone.send(
        "POST",
        `/api/projects/${id}/judgements`,
        `{"key":"${newKey()}","lease":"${lease}","answer":{"outcome":{"type":"rewrite","candidate":"A","messages":[{"role":"assistant","content":"x","error":${error}}]}}}`,
      );
    for (const depth of [200, 5000, 100_000])
      expect(refused(await send(`${"[".repeat(depth)}${"]".repeat(depth)}`))).toEqual([400, "invalid"]);
    expect((await send('{"a\\u0000b":{"c":["\\ud800"]}}')).status).toBe(200);
    const { answer } = (await someone.get(`/api/projects/${id}/history`)).body.entries[0];
    expect(answer.outcome.messages[0].error).toEqual({ "a\uFFFDb": { c: ["\uFFFD"] } });
  });

  it("with a number that no column holds is refused", async () => {
    const path = `/api/projects/${here}/annotators/${person.annotator}`;
    expect(refused(await owner.send("PATCH", path, { quota: 3_000_000_000 }))).toEqual([400, "invalid"]);
  });

  it("that is too large is refused by its length, and while it comes when it says none", async () => {
    const large = JSON.stringify({ name: "x".repeat(3_000_000) });
    expect(refused(await owner.send("PATCH", `/api/projects/${here}`, large))).toEqual([413, "too_large"]);
    const chunked = await rawPatch(`/api/projects/${here}`, large);
    expect(chunked.status).toBe(413);
  });

  it("with NUL and broken characters is kept with the replacement character", async () => {
    const someone = await running.join(here);
    const kept = await judge(someone, here, { skipped: { reason: "a\u0000b \ud800 c" } });
    expect(kept.status).toBe(200);
    const history = await someone.get(`/api/projects/${here}/history`);
    expect(history.body.entries[0].answer.skipped.reason).toBe("a\uFFFDb \uFFFD c");
    expect((await owner.get(`/api/projects/${here}/items?search=%00`)).status).toBe(200);
    expect((await owner.get(`/api/projects/${here}/items/%00`)).status).toBe(404);
    expect((await owner.get(`/api/projects/${here}/items/%ff`)).status).toBe(404);
  });

  it("is refused when the answer does not answer what was asked, with the reason", async () => {
    const someone = await running.join(here);
    const next = await someone.send("POST", `/api/projects/${here}/next`);
    const answer = (given: unknown): Promise<Answered> =>
      someone.send("POST", `/api/projects/${here}/judgements`, {
        key: newKey(),
        lease: next.body.lease,
        answer: given,
      });
    const pair = (chosen: string | null, rejected: string | null) => ({
      outcome: { type: "pair", chosen, rejected },
    });
    for (const [given, words] of [
      [{}, /an outcome or a skip, got neither/],
      [{ ...pair("A", "B"), skipped: { reason: "x" } }, /got both/],
      [pair("A", "C"), /a candidate of A, B, got C/],
      [pair("x", "y"), /a candidate of A, B, got x/],
      [pair("A", "A"), /two different candidates/],
      [pair("A", null), /both candidates, or neither/],
      [{ ...pair("A", "B"), tie: "equal" }, /no tie beside a choice/],
      [{ ...pair(null, null), strength: 2 }, /no strength beside a tie/],
      [{ outcome: { type: "rank", order: [["A"], ["B"]] } }, /type pair for the task pair, got rank/],
      [{ ...pair("A", "B"), attributes: { speed: { A: 1 } } }, /attributes of overall/],
    ] as const) {
      const reply = await answer(given);
      expect(refused(reply)).toEqual([400, "invalid"]);
      expect(reply.body.error.message).toMatch(words);
      // The data's own ids (here x and y; elsewhere a model's name) stay behind the letters.
      if (!JSON.stringify(given).includes('"x"')) expect(reply.body.error.message).not.toMatch(/\b[xy]\b/);
    }
    expect((await answer(pair("A", "B"))).status).toBe(200);
  });

  it("with a query out of range is refused", async () => {
    expect(refused(await owner.get(`/api/projects/${here}/items?limit=100000`))).toEqual([400, "invalid"]);
    expect(refused(await owner.get(`/api/projects/${here}/items?nonsense=1`))).toEqual([400, "invalid"]);
  });
});

/** fetch sets Host, and tidies paths, by itself. */
function raw(o: {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}): Promise<{ status: number; text: string }> {
  return new Promise((done, fail) => {
    const sent = rawRequest({ port: running.server.port, host: "127.0.0.1", agent: false, ...o }, (reply) => {
      let text = "";
      reply.on("data", (chunk: Buffer) => (text += chunk.toString()));
      reply.on("end", () => done({ status: reply.statusCode!, text }));
    });
    sent.on("error", fail);
    if (o.body !== undefined)
      for (let at = 0; at < o.body.length; at += 65_536) sent.write(o.body.slice(at, at + 65_536));
    sent.end();
  });
}
const withHost = (path: string, host: string) => raw({ path, headers: { host } });
const rawGet = (path: string) => raw({ path });
const rawPatch = (path: string, body: string) =>
  raw({
    method: "PATCH",
    path,
    body,
    headers: { "content-type": "application/json", cookie: owner.cookie, "x-attune-csrf": owner.csrf },
  });
