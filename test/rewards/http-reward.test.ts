/** The client of reward servers, against a server of this test on the loop-back address. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

import { httpReward, type HttpRewardOptions, type RewardItem, scoreItems } from "../../src/rewards/index.js";
import { ChatTemplate } from "../../src/text/index.js";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

type Handler = (body: Record<string, unknown>, response: ServerResponse, request: IncomingMessage) => void;

/** A server that answers every request by `handler`; gives its address. */
async function serve(handler: Handler): Promise<string> {
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => handler(JSON.parse(text) as Record<string, unknown>, response, request));
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/get_reward`;
}

const reply = (response: ServerResponse, data: unknown, status = 200): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof data === "string" ? data : JSON.stringify(data));
};

const items: RewardItem[] = ["x", "yy", "zzz"].map((completion, i) => ({
  id: `row-${i}`,
  prompt: "Say: ",
  completion,
  columns: i === 0 ? { label: "gold" } : {},
}));
const quick: HttpRewardOptions = { retryDelaySeconds: 0.001, timeoutSeconds: 5 };

describe("a reward server", () => {
  it("is asked as OpenRLHF asks, and its scores and logs are read", async () => {
    const bodies: unknown[] = [];
    const url = await serve((body, response, request) => {
      bodies.push({ ...body, key: request.headers["x-key"] });
      const lengths = (body["query"] as string[]).map((query) => query.length);
      reply(response, {
        rewards: lengths,
        scores: lengths,
        extra_logs: { letters: lengths.map((n) => n - 5), odd: 1 },
      });
    });
    const reward = httpReward("served", url, { ...quick, batchSize: 2, headers: { "x-key": "k" } });
    const { scores, components } = await scoreItems(reward, items);
    expect([...scores]).toEqual([6, 7, 8]);
    expect([...components["letters"]!]).toEqual([1, 2, 3]);
    expect(bodies).toEqual([
      { query: ["Say: x", "Say: yy"], prompts: ["Say: ", "Say: "], labels: ["gold", null], key: "k" },
      { query: ["Say: zzz"], prompts: ["Say: "], labels: [null], key: "k" },
    ]);
  });
  it("cannot send what it was sent, a key among it, on to somebody else", async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.writeHead(307, { location: "http://localhost:1/elsewhere" }).end();
    });
    const reward = httpReward("served", url, { ...quick, headers: { "x-key": "k" } });
    await expect(scoreItems(reward, items)).rejects.toThrow(
      /status 307 to http:\/\/localhost:1\/elsewhere, which is not followed/,
    );
    expect(asked).toBe(1);
  });
  it("is given conversations as its template renders them", async () => {
    let query: unknown;
    const url = await serve((body, response) => {
      query = body["query"];
      reply(response, { rewards: [1] });
    });
    const template = new ChatTemplate(
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}",
      { name: "test", variables: {} },
    );
    const prompt = [{ role: "user", content: "hi" }];
    const conversation = { id: "0", prompt, completion: [{ role: "assistant", content: "ho" }] };
    await scoreItems(httpReward("served", url, { ...quick, template }), [conversation]);
    expect(query).toEqual(["[user]hi[assistant]ho"]);
    await expect(scoreItems(httpReward("served", url, quick), [conversation])).rejects.toThrow(
      "rewards: row 0: expected text, or a chat template",
    );
  });
  it("that fails for a while is waited for", async () => {
    let calls = 0;
    const url = await serve((body, response) => {
      if (++calls < 3) reply(response, "not yet", 503);
      else reply(response, { rewards: (body["query"] as string[]).map(() => 1) });
    });
    expect([...(await scoreItems(httpReward("served", url, quick), items)).scores]).toEqual([1, 1, 1]);
    expect(calls).toBe(3);
  });
  it("that stays away ends in a network error that names the rows", async () => {
    const url = await serve(() => undefined);
    server!.close();
    server!.closeAllConnections();
    const gone = scoreItems(httpReward("served", url, { ...quick, retries: 1 }), items);
    await expect(gone).rejects.toMatchObject({ code: "network" });
    await expect(gone).rejects.toThrow(
      "rewards: served: rows row-0, row-1, row-2: expected scores from http://127.0.0.1",
    );
  });
  it("that refuses is not asked again", async () => {
    let calls = 0;
    const url = await serve((_, response) => {
      calls++;
      reply(response, "unknown key", 401);
    });
    await expect(scoreItems(httpReward("served", url, quick), items)).rejects.toThrow(
      "status 401: unknown key",
    );
    expect(calls).toBe(1);
  });
  it("that hangs is asked again, and given up", async () => {
    let calls = 0;
    const url = await serve(() => {
      calls++;
    });
    const reward = httpReward("served", url, { ...quick, timeoutSeconds: 0.5, retries: 1 });
    await expect(scoreItems(reward, items)).rejects.toThrow("no answer within 0.5 s");
    expect(calls).toBe(2);
  });
  it.each([
    ["text", "ok", 'expected an answer with "rewards", got the text "ok"'],
    ["no rewards", { points: [1] }, 'expected an answer with "rewards"'],
    ["too few", { rewards: [1] }, "expected 3 scores, one an answer, got 1"],
    ["null for NaN", '{"rewards": [1, "NaN", 2]}', 'row row-1: expected numbers, got the text "NaN"'],
  ])("that answers with %s is told apart", async (_, data, message) => {
    const url = await serve((_, response) => reply(response, data));
    await expect(scoreItems(httpReward("served", url, quick), items)).rejects.toThrow(message);
  });
  it("is let go when the signal says so", async () => {
    const control = new AbortController();
    const url = await serve(() => control.abort());
    const work = scoreItems(httpReward("served", url, quick), items, { signal: control.signal });
    await expect(work).rejects.toMatchObject({ code: "interrupted" });
  });
  it("needs an address", () => {
    expect(() => httpReward("served", "localhost:5000")).toThrow("expected an http or https address");
  });
});
