/** Tokens, links, sessions, and who gets in how often. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sql } from "drizzle-orm";
import { serve } from "../../src/server/serve.js";
import { addItems, addJudgements, createProject, openStore, recount } from "../../src/store/index.js";
import { judge, pairs, project, start, type Person, type Running } from "./running.js";

let running: Running;
let owner: Person;
let id: string;
beforeAll(async () => {
  running = await start();
  owner = await running.owner();
  id = await project(running);
});
afterAll(() => running.close());

const invite = async (body: unknown = {}): Promise<{ id: string; token: string; path: string }> =>
  (await owner.send("POST", `/api/projects/${id}/invitations`, body)).body;
const login = (token: string, headers: Record<string, string> = {}) =>
  running.ask("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ token }),
  });

describe("the owner's token", () => {
  it("makes its holder an owner of all projects, as often as it is used", async () => {
    const again = await running.enter(running.server.ownerToken);
    expect((await again.get("/api/session")).body).toMatchObject({
      annotator: "owner",
      role: "owner",
      project: null,
    });
    expect((await again.get("/api/projects")).body.projects.map((each: { id: string }) => each.id)).toContain(
      id,
    );
  });

  it("lets programs in as a bearer token, without a cookie or CSRF token", async () => {
    const headers = {
      authorization: `Bearer ${running.server.ownerToken}`,
      "content-type": "application/json",
    };
    const body = JSON.stringify({ name: "Renamed" });
    const reply = await running.ask(`/api/projects/${id}`, { method: "PATCH", headers, body });
    expect([reply.status, reply.body.name]).toEqual([200, "Renamed"]);
    expect(
      (
        await running.ask("/api/session", {
          headers: { authorization: `Bearer ${running.server.ownerToken}x` },
        })
      ).status,
    ).toBe(401);
  });
});

it("judgements that were imported under the owner's name do not lock the owner out", async () => {
  const store = await openStore();
  await createProject(store, { id: "p", name: "p", settings: {} });
  const candidates = ["x", "y"].map((name) => ({
    id: name,
    messages: [{ role: "assistant", content: name }],
  }));
  await addItems(store, {
    project: "p",
    items: [{ id: "i", prompt: [{ role: "user", content: "q" }], candidates }],
  });
  const outcome = { type: "pair" as const, chosen: "x", rejected: "y" };
  const judgement = { id: "j", item: "i", annotator: { kind: "human" as const, id: "owner" }, outcome };
  await addJudgements(store, { project: "p", judgements: [{ ...judgement, status: "submitted" }] });
  await recount(store);
  const server = await serve({ store, log: () => undefined, page: "web/public" });
  const entered = await fetch(`${server.url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: server.ownerToken }),
  });
  expect(await entered.json()).toMatchObject({ annotator: "owner", role: "owner", project: null });
  await server.close();
  await store.close();
});

it("what a program judges with the owner's token is among the people's numbers", async () => {
  const fresh = await start();
  const headers = {
    authorization: `Bearer ${fresh.server.ownerToken}`,
    "content-type": "application/json",
  };
  const send = (path: string, body: unknown) =>
    fresh.ask(`/api/projects${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  await send("", { id: "p", name: "p" });
  await send("/p/items", { items: pairs(1) });
  const { lease } = (await send("/p/next", {})).body;
  await send("/p/judgements", {
    key: "a-key-of-a-program",
    lease,
    answer: { outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" },
  });
  const agreement = (await fresh.ask("/api/projects/p/agreement", { headers })).body;
  expect(agreement).toMatchObject({ judgements: 1, annotators: 1, tie_rate: { value: 1 } });
  await fresh.close();
});

describe("an invitation", () => {
  it("gives its role in its project, once, behind the # of an address", async () => {
    const { token, path } = await invite({ role: "reviewer" });
    expect(path).toBe(`/#token=${token}`);
    const person = await running.enter(token, "Ada");
    expect((await person.get("/api/session")).body).toMatchObject({
      role: "reviewer",
      project: id,
      annotator: person.annotator,
    });
    expect((await person.get("/api/projects")).body.projects).toHaveLength(1);
    expect((await login(token)).status).toBe(401);
  });

  it("opened again by the same person makes nobody new", async () => {
    const { token } = await invite();
    const person = await running.enter(token);
    const again = await login(token, { cookie: person.cookie });
    expect(again.body).toMatchObject({ annotator: person.annotator, csrf: person.csrf });
  });

  it("of several uses makes so many people, also when they come at once", async () => {
    const { token } = await invite({ uses: 3 });
    const replies = await Promise.all(Array.from({ length: 6 }, () => login(token)));
    const names = replies.filter(({ status }) => status === 200).map(({ body }) => body.annotator);
    expect(new Set(names).size).toBe(3);
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(3);
  });

  it("ends at its time", async () => {
    const { token } = await invite({ hours: 1 });
    running.clock.ahead += 61 * 60_000;
    expect((await login(token)).status).toBe(401);
    running.clock.ahead = 0;
  });

  it("stops when it is taken back, and is listed until then without its token", async () => {
    const made = await invite();
    const list = async () =>
      (await owner.get(`/api/projects/${id}/invitations`)).body.invitations as { id: string }[];
    expect((await list()).map((each) => each.id)).toContain(made.id);
    expect(JSON.stringify(await list())).not.toContain(made.token);
    expect((await owner.send("DELETE", `/api/projects/${id}/invitations/${made.id}`)).status).toBe(200);
    expect((await list()).map((each) => each.id)).not.toContain(made.id);
    expect((await login(made.token)).status).toBe(401);
    expect((await owner.send("DELETE", `/api/projects/${id}/invitations/${made.id}`)).status).toBe(404);
  });

  it("cannot be had by another project's owner", async () => {
    const other = await project(running);
    const theirs = await running.join(other, "owner");
    expect((await theirs.send("POST", `/api/projects/${id}/invitations`, {})).status).toBe(404);
    expect((await theirs.send("POST", `/api/projects/${other}/invitations`, {})).status).toBe(200);
    expect((await theirs.send("POST", "/api/projects", { id: "mine", name: "Mine" })).status).toBe(403);
    expect((await theirs.get("/metrics")).status).toBe(403);
  });
});

describe("a session", () => {
  it("comes as a cookie that scripts cannot read and other sites cannot send", async () => {
    const { token } = await invite();
    const cookie = (await login(token)).headers.get("set-cookie")!;
    expect(cookie).toMatch(
      new RegExp(
        `^attune_session_${running.server.port}=[\\w-]{32}; Path=/; HttpOnly; SameSite=Strict; Max-Age=\\d+$`,
      ),
    );
  });

  it("is kept as a hash, and so is a link", async () => {
    const made = await invite();
    const person = await running.enter(made.token);
    const secrets = [made.token, person.cookie.split("=")[1]!, running.server.ownerToken];
    for (const table of ["sessions", "invitations", "annotators"]) {
      const rows = JSON.stringify(await running.store.database.rows(sql.raw(`select * from ${table}`)));
      for (const secret of secrets) expect(rows).not.toContain(secret);
    }
  });

  it("ends by logging out, by being shut out, and by time", async () => {
    const [one, two, three] = [await running.join(id), await running.join(id), await running.join(id)];
    const out = await one.send("DELETE", "/api/session");
    expect(out.headers.get("set-cookie")).toMatch(/Max-Age=0/);
    expect((await one.get("/api/session")).status).toBe(401);
    await owner.send("PATCH", `/api/projects/${id}/annotators/${two.annotator}`, { disabled: true });
    expect((await two.get("/api/session")).status).toBe(401);
    running.clock.ahead += 15 * 86_400_000;
    expect((await three.get("/api/session")).status).toBe(401);
    running.clock.ahead = 0;
  });

  it("is Secure where people come over TLS, and only its own name is answered to", async () => {
    const behind = await start({ store: running.store, publicUrl: "https://judge.example.org" });
    const login = await fetch(`http://127.0.0.1:${behind.server.port}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: behind.server.ownerToken }),
    });
    expect(login.headers.get("set-cookie")).toMatch(/; Secure$/);
    expect(behind.server.url).toBe("https://judge.example.org");
    await behind.close();
  });
});

describe("a limit", () => {
  it("stops guessing tokens, by address, while those inside go on", async () => {
    const guarded = await start({ store: running.store });
    const own = await project(guarded);
    const inside = await guarded.join(own);
    const tries: number[] = [];
    for (let k = 0; k < 14; k += 1) {
      const reply = await guarded.ask("/api/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token: `guess-${k}` }),
      });
      tries.push(reply.status);
      if (reply.status === 429) expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(tries.slice(0, 10)).toEqual(tries.slice(0, 10).map(() => 401));
    expect(tries.at(-1)).toBe(429);
    expect((await inside.get("/api/session")).status).toBe(200);
    await guarded.close();
  });

  it("of calls holds for each session apart", async () => {
    const slow = await start({ store: running.store, callsPerSecond: 2 });
    const own = await project(slow, { items: [] });
    const [one, two] = [await slow.join(own), await slow.join(own)];
    const codes: number[] = [];
    for (let k = 0; k < 12; k += 1) codes.push((await one.get("/api/session")).status);
    expect(codes.filter((code) => code === 429).length).toBeGreaterThan(0);
    expect((await two.get("/api/session")).status).toBe(200);
    await slow.close();
  });
});

describe("people", () => {
  it("have a quota of their own, or the project's", async () => {
    const own = await project(running, { settings: { quota: 2 } });
    const person = await running.join(own);
    const path = `/api/projects/${own}/next`;
    expect((await person.send("POST", path)).body.progress.quota).toBe(2);
    await owner.send("PATCH", `/api/projects/${own}/annotators/${person.annotator}`, { quota: 0 });
    expect((await person.send("POST", path)).body).toMatchObject({ kind: "nothing", reason: "quota" });
  });

  it("are given the groups of items that are theirs, which the owner chooses among those that there are", async () => {
    const own = await project(running, {
      items: pairs(4, (k) => (k === 3 ? { group: "law" } : k === 2 ? { group: "small talk" } : {})),
    });
    const person = await running.join(own);
    const path = `/api/projects/${own}/annotators/${person.annotator}`;
    const refused = await owner.send("PATCH", path, { groups: ["law", "lore"] });
    expect([refused.status, refused.body.error.message]).toEqual([
      400,
      "groups: expected groups that items are in (law, small talk), got lore",
    ]);
    expect((await owner.send("PATCH", path, { groups: ["law"] })).status).toBe(200);
    const listed = await owner.get(`/api/projects/${own}/annotators`);
    expect(listed.body.groups).toEqual(["law", "small talk"]);
    expect(listed.body.annotators.at(-1)).toMatchObject({ annotator: person.annotator, groups: ["law"] });
    const next = (await person.send("POST", `/api/projects/${own}/next`)).body;
    expect(next.item.prompt[0].content).toBe("Question 3");
    await judge(person, own);
    const agreement = `/api/projects/${own}/agreement/groups`;
    expect((await owner.get(agreement)).body).toMatchObject({
      groups: [{ group: "law", items: 1, judgements: 1, annotators: 1, percent: { value: null } }],
      left_out: 0,
    });
    expect((await person.get(agreement)).status).toBe(403);
    // What others hold of the other groups is nothing to wait for.
    await (await running.join(own)).send("POST", `/api/projects/${own}/next`);
    expect((await person.send("POST", `/api/projects/${own}/next`)).body).toMatchObject({
      kind: "nothing",
      reason: "complete",
    });
    await owner.send("PATCH", path, { groups: null });
    expect((await person.send("POST", `/api/projects/${own}/next`)).body.kind).toBe("item");
  });
});
