/** Live progress, webhooks, metrics, the page, the end: what goes on beside single requests. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { signatureOf } from "../../src/server/index.js";
import { serve } from "../../src/server/serve.js";
import { asFault } from "../../src/store/faults.js";
import { openStore } from "../../src/store/index.js";
import { judge, newKey, pairs, project, start, type Running } from "./running.js";

let running: Running;
beforeAll(async () => {
  running = await start({ webhooks: { every: 50, firstWait: 100, timeout: 500 } });
});
afterAll(() => running.close());

/** Collects the events of a stream until it is ended. */
function listen(url: string, headers: Record<string, string>) {
  const events: { at: number; data: { judgements: number } }[] = [];
  const controller = new AbortController();
  const ended = (async () => {
    const reply = await fetch(url, { headers, signal: controller.signal });
    expect(reply.headers.get("content-type")).toMatch(/^text\/event-stream/);
    let text = "";
    for await (const chunk of reply.body!) {
      text += new TextDecoder().decode(chunk);
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const data = /^event: progress\ndata: (.*)$/.exec(text.slice(0, end))?.[1];
        if (data !== undefined)
          events.push({ at: performance.now(), data: JSON.parse(data) as { judgements: number } });
        text = text.slice(end + 2);
      }
    }
  })().catch(() => undefined);
  return { events, ended, stop: () => controller.abort() };
}

describe("live progress", () => {
  it("tells how things are, then each change, at most once a second", async () => {
    const id = await project(running, { items: pairs(8) });
    const person = await running.join(id, "reviewer");
    const stream = listen(`${running.server.url}/api/projects/${id}/events`, { cookie: person.cookie });
    await expect.poll(() => stream.events.length, { timeout: 5000 }).toBe(1);
    expect(stream.events[0]!.data).toMatchObject({ items: 8, judgements: 0 });
    const began = performance.now();
    for (let k = 0; k < 8; k += 1) await judge(person, id);
    await expect.poll(() => stream.events.at(-1)!.data.judgements, { timeout: 8000 }).toBe(8);
    // Eight changes, however long they took; the pace itself is tested with a clock of its own (small-parts.test.ts).
    expect(stream.events.length).toBeLessThanOrEqual(2 + (performance.now() - began) / 1000);
    expect((await (await running.owner()).get("/metrics")).body).toMatch(/^attune_streams 1$/m);
    stream.stop();
    await stream.ended;
    await expect
      .poll(async () => (await (await running.owner()).get("/metrics")).body, { timeout: 5000 })
      .toMatch(/^attune_streams 0$/m);
  });
});

describe("streams of one person", () => {
  it("are twenty at most, while others have theirs, and make room when they end", async () => {
    const id = await project(running);
    const [greedy, other] = [await running.join(id, "reviewer"), await running.join(id, "reviewer")];
    const url = `${running.server.url}/api/projects/${id}/events`;
    const controller = new AbortController();
    // Kept: a reply that nobody holds any more is collected, and its stream ends.
    const held: Response[] = [];
    const open = async (cookie: string): Promise<number> => {
      const reply = await fetch(url, { headers: { cookie }, signal: controller.signal });
      held.push(reply);
      if (!reply.ok) await reply.text();
      return reply.status;
    };
    for (let k = 0; k < 20; k += 1) expect(await open(greedy.cookie)).toBe(200);
    expect(await open(greedy.cookie)).toBe(429);
    expect(await open(other.cookie)).toBe(200);
    expect(held).toHaveLength(22);
    controller.abort();
    await expect
      .poll(
        async () => {
          const again = new AbortController();
          const { status } = await fetch(url, { headers: { cookie: greedy.cookie }, signal: again.signal });
          again.abort();
          return status;
        },
        { timeout: 5000 },
      )
      .toBe(200);
  });
});

interface Received {
  headers: IncomingMessage["headers"];
  body: string;
}

describe("a webhook", () => {
  const receivers: { close: () => void }[] = [];
  afterEach(() => receivers.splice(0).forEach((each) => each.close()));

  async function receiver(
    answer: (k: number, response: ServerResponse) => void,
  ): Promise<{ url: string; got: Received[] }> {
    const got: Received[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        got.push({ headers: request.headers, body });
        answer(got.length, response);
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    receivers.push({ close: () => (server.closeAllConnections(), server.close()) });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, got };
  }
  const secret = "a-secret-for-signing";
  /** Calls that are still to be made, and all that there are. What is acknowledged is not called again. */
  const owed = async (id: string): Promise<[number, number]> => {
    const [row] = await running.store.database.rows<{ open: number; all: number }>(sql`
      select count(*) filter (where delivered_at is null)::int as open, count(*)::int as all from deliveries where project = ${id}`);
    return [row!.open, row!.all];
  };

  it("is called when an item has all its judgements, signed, again until it is acknowledged, and then no more", async () => {
    const { url, got } = await receiver((k, response) => {
      response.writeHead(k === 1 ? 500 : k === 2 ? 302 : 204, { location: "http://127.0.0.1:1/elsewhere" });
      response.end();
    });
    const id = await project(running, {
      items: pairs(1),
      settings: { overlap: 2, webhook: { url, secret } },
    });
    const [one, two] = [await running.join(id), await running.join(id)];
    await judge(one, id);
    await judge(two, id);
    await expect.poll(() => owed(id), { timeout: 10_000 }).toEqual([0, 1]);
    expect(got).toHaveLength(3);
    const { headers, body } = got[2]!;
    expect(JSON.parse(body)).toEqual({
      id: `${id}/item-0/complete`,
      event: "item.complete",
      project: id,
      item: "item-0",
      judgements: 2,
      decided: false,
    });
    const timestamp = headers["x-attune-timestamp"] as string;
    expect(headers["x-attune-signature"]).toBe(signatureOf(secret, { timestamp, body }));
    expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(60);
    expect(new Set(got.map((each) => each.headers["x-attune-id"]))).toEqual(
      new Set([`${id}/item-0/complete`]),
    );
  });

  it("is called for an item that a reviewer decides before it has all its judgements, and once only", async () => {
    const { url, got } = await receiver((_, response) => response.writeHead(204).end());
    const id = await project(running, {
      items: pairs(2),
      settings: { overlap: 2, webhook: { url, secret } },
    });
    const [one, two] = [await running.join(id), await running.join(id)];
    for (let n = 0; n < 2; n += 1) await judge(one, id);
    const owner = await running.owner();
    const decide = (item: string) =>
      owner.send("POST", `/api/projects/${id}/items/${item}/adjudicate`, {
        answer: { outcome: { type: "pair", chosen: "x", rejected: "y" } },
      });
    expect((await decide("item-0")).status).toBe(200);
    await expect.poll(() => got.length, { timeout: 10_000 }).toBe(1);
    expect(JSON.parse(got[0]!.body)).toMatchObject({ item: "item-0", judgements: 1, decided: true });
    // Decided again, or decided when it is complete already: nothing new.
    await decide("item-0");
    await judge(two, id);
    await expect.poll(() => got.length, { timeout: 10_000 }).toBe(2);
    expect(JSON.parse(got[1]!.body)).toMatchObject({ item: "item-1", judgements: 2, decided: false });
    await decide("item-1");
    await expect.poll(() => owed(id), { timeout: 10_000 }).toEqual([0, 2]);
    expect(got).toHaveLength(2);
  });

  it("is called for an item of any name", async () => {
    const { url, got } = await receiver((_, response) => response.writeHead(204).end());
    const name = "日本 ü\n1%";
    const id = await project(running, {
      items: pairs(1, () => ({ id: name })),
      settings: { webhook: { url, secret } },
    });
    await judge(await running.join(id), id);
    await expect.poll(() => got.length, { timeout: 5000 }).toBe(1);
    expect(JSON.parse(got[0]!.body)).toMatchObject({ id: `${id}/${name}/complete`, item: name });
    expect(decodeURI(got[0]!.headers["x-attune-id"] as string)).toBe(`${id}/${name}/complete`);
  });

  it("that was owed when the server ended is called by the next one", async () => {
    const refusing = await receiver((_, response) => response.writeHead(503).end());
    const willing = await receiver((_, response) => response.writeHead(200).end());
    // A store of its own: what is owed in a shared one is called by whichever server looks first.
    const store = await openStore();
    const first = await start({ store, webhooks: { every: 50, firstWait: 50 } });
    const id = await project(first, {
      items: pairs(1),
      settings: { webhook: { url: refusing.url, secret } },
    });
    await judge(await first.join(id), id);
    await expect.poll(() => refusing.got.length, { timeout: 5000 }).toBeGreaterThan(0);
    await first.server.close();
    const second = await serve({
      store,
      log: () => undefined,
      page: "web/public",
      webhooks: { every: 50, firstWait: 50 },
    });
    await fetch(`${second.url}/api/projects/${id}`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${second.ownerToken}`, "content-type": "application/json" },
      body: JSON.stringify({ settings: { webhook: { url: willing.url, secret } } }),
    });
    await expect.poll(() => willing.got.length, { timeout: 10_000 }).toBe(1);
    await second.close();
    await store.close();
  });

  it("goes to http and https only", async () => {
    const id = await project(running);
    const owner = await running.owner();
    for (const url of ["file:///etc/passwd", "javascript:alert(1)", "ftp://example.org/"]) {
      const reply = await owner.send("PATCH", `/api/projects/${id}`, {
        settings: { webhook: { url, secret } },
      });
      expect(reply.status).toBe(400);
    }
  });
});

describe("settings", () => {
  it("that are not given stay", async () => {
    const id = await project(running, { settings: { overlap: 3, reasons: ["true", "kind"], ties: false } });
    const owner = await running.owner();
    const changed = await owner.send("PATCH", `/api/projects/${id}`, { settings: { strength: 5 } });
    expect(changed.body.settings).toMatchObject({
      overlap: 3,
      reasons: ["true", "kind"],
      ties: false,
      strength: 5,
    });
  });
});

describe("the page", () => {
  it("is served under a policy that lets nothing in from elsewhere", async () => {
    const reply = await running.ask("/");
    expect(reply.body).toContain("<title>page");
    const policy = reply.headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(reply.headers.get("x-frame-options")).toBe("DENY");
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
    expect(reply.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("may show images from elsewhere only where a project's owner allows them", async () => {
    const policy = async () => (await running.ask("/")).headers.get("content-security-policy");
    expect(await policy()).toContain("img-src 'self';");
    const id = await project(running, { settings: { images: true } });
    expect(await policy()).toContain("img-src 'self' https: http:;");
    const owner = await running.owner();
    await owner.send("PATCH", `/api/projects/${id}`, { settings: { images: false } });
    expect(await policy()).toContain("img-src 'self';");
  });

  it("is everything that is served: replies of the interface may load nothing, and are not kept", async () => {
    const { headers } = await (await running.owner()).get("/api/projects");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("operations", () => {
  it("count requests, latencies, leases and judgements for Prometheus", async () => {
    const owner = await running.owner();
    const id = await project(running);
    await judge(owner, id);
    const { body, headers } = await owner.get("/metrics");
    expect(headers.get("content-type")).toMatch(/^text\/plain; version=0.0.4/);
    expect(body).toMatch(/^attune_requests_total\{route="submit",method="POST",status="200"\} \d+$/m);
    expect(body).toMatch(/^attune_request_seconds_bucket\{route="next",le="\+Inf"\} \d+$/m);
    expect(body).toMatch(/^attune_leases_total [1-9]/m);
    expect(body).toMatch(/^attune_judgements_total [1-9]/m);
    expect(body).toMatch(/^attune_event_loop_lag_seconds\{quantile="0.99"\} [\d.e-]+$/m);
    // Every line is a comment or a sample.
    for (const line of body.trim().split("\n"))
      expect(line).toMatch(/^(# (HELP|TYPE) .+|attune_\w+(\{[^}]*\})? [-+\d.e]+)$/);
  });

  it("say whether the database answers, and refuse with a time to come back while it does not", async () => {
    // The same store, seen by a server that cannot reach it.
    const broken = await start({ store: { ...running.store } });
    const id = await project(broken);
    const owner = await broken.owner();
    expect((await broken.ask("/healthz")).body).toEqual({ status: "ok" });
    const { database } = broken.store;
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const away = asFault(refused, "a server") as Error;
    Object.assign(broken.store, { database: { ...database, rows: () => Promise.reject(away) } });
    const health = await broken.ask("/healthz");
    expect([health.status, health.body]).toEqual([503, { status: "database unreachable" }]);
    const reply = await owner.get(`/api/projects/${id}`);
    expect([reply.status, reply.body.error.code, reply.headers.get("retry-after")]).toEqual([
      503,
      "unavailable",
      "5",
    ]);
    Object.assign(broken.store, {
      database: {
        ...database,
        rows: () => Promise.reject(new Error("a bug\nparams: a text that somebody judges")),
      },
    });
    const bug = await owner.get(`/api/projects/${id}`);
    expect([bug.status, bug.body.error.code]).toEqual([500, "internal"]);
    expect(JSON.stringify(bug.body)).not.toContain("a bug");
    const line = broken.log.find(({ request }) => request === bug.body.error.request);
    expect(line!.stack).toContain("a bug");
    expect(line!.stack).not.toContain("somebody judges");
    await broken.close();
  });
});

describe("the end", () => {
  it("takes no more requests, finishes those under way and ends streams", async () => {
    const ending = await start({ store: { ...running.store } });
    const id = await project(ending, { items: pairs(2) });
    const person = await ending.join(id, "reviewer");
    const stream = listen(`${ending.server.url}/api/projects/${id}/events`, { cookie: person.cookie });
    await expect.poll(() => stream.events.length, { timeout: 5000 }).toBe(1);
    const { database } = ending.store;
    const { lease } = (await person.send("POST", `/api/projects/${id}/next`)).body;
    let entered = false;
    let letOn = (): void => undefined;
    const gate = new Promise<void>((done) => (letOn = done));
    const slowly = async (work: never): Promise<unknown> => {
      entered = true;
      await gate;
      return database.transaction(work);
    };
    Object.assign(ending.store, { database: { ...database, transaction: slowly } });
    const answer = { outcome: { type: "pair", chosen: "A", rejected: "B" } };
    const underWay = person.send("POST", `/api/projects/${id}/judgements`, { key: newKey(), lease, answer });
    await expect.poll(() => entered).toBe(true);
    const closed = ending.server.close();
    letOn();
    expect((await underWay).status).toBe(200);
    // Well before the ten seconds after which connections are cut: those that browsers keep alive are not waited for.
    const answered = performance.now();
    await closed;
    expect(performance.now() - answered).toBeLessThan(5000);
    await stream.ended;
    await expect(fetch(`${ending.server.url}/healthz`)).rejects.toThrow();
  });

  it("says which address is taken when it cannot begin", async () => {
    await expect(
      serve({ store: running.store, log: () => undefined, page: "web/public", port: running.server.port }),
    ).rejects.toThrow(/that another program uses/);
  });
});
