/** Simulated annotators: each asks for an item, thinks, submits, and sends again what was not acknowledged. Knows no database. */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** Status, body and cookies of one call; rejects without a connection. */
export function call(port, { method = "POST", path, body, headers = {} }) {
  return new Promise((done, fail) => {
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        agent,
        headers: { ...(method !== "GET" && { "content-type": "application/json" }), ...headers },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => (text += part));
        response.on("error", fail);
        response.on("end", () => {
          try {
            const cookies = (response.headers["set-cookie"] ?? []).map((cookie) => cookie.split(";")[0]);
            done({ status: response.statusCode, value: JSON.parse(text), cookies });
          } catch (cause) {
            fail(cause);
          }
        });
      },
    );
    // The server may have closed an idle connection in the moment in which it was used again: browsers send again, too.
    sent.on("error", (cause) => {
      if (sent.reusedSocket && cause.code === "ECONNRESET") done(call(port, { method, path, body, headers }));
      else fail(cause);
    });
    sent.end(method === "GET" ? undefined : JSON.stringify(body ?? {}));
  });
}

/** A session by an invitation; the server lets strangers in slowly. */
export async function join(port, token) {
  for (;;) {
    const { status, value, cookies } = await call(port, { path: "/api/session", body: { token } });
    if (status === 200) return { cookie: cookies.join("; "), "x-attune-csrf": value.csrf };
    if (status !== 429) throw new Error(`session: ${status} ${JSON.stringify(value)}`);
    await sleep(200 + Math.random() * 400);
  }
}

const choices = ["A", "B", null];
function anyAnswer() {
  const chosen = choices[Math.floor(Math.random() * 3)];
  const rejected = chosen === null ? null : chosen === "A" ? "B" : "A";
  return { outcome: { type: "pair", chosen, rejected }, ...(chosen === null && { tie: "equal" }) };
}

/**
 * Judges until `until` (milliseconds). `o.result` collects times in milliseconds (and when each call began), receipts and errors. With `patient` a broken
 * connection or a 503 is tried again, as the page does; else it is an error.
 */
export async function annotate(o) {
  const { port, project, headers, result, until, think, patient } = o;
  const timed = async (name, path, body) => {
    for (;;) {
      const start = performance.now();
      const got = await call(port, { path: `/api/projects/${project}${path}`, body, headers }).catch(
        (cause) => ({
          status: 0,
          value: String(cause),
        }),
      );
      if (got.status === 200) {
        result.times[name].push({ start, ms: performance.now() - start });
        return got.value;
      }
      if (!patient || ![0, 503].includes(got.status)) {
        result.errors.push(`${name}: ${got.status} ${JSON.stringify(got.value)}`);
        return undefined;
      }
      result.retries += 1;
      await sleep(100 + Math.random() * 200);
    }
  };
  // People do not all begin in the same moment.
  await sleep(Math.random() * think * 1000);
  while (performance.now() < until) {
    const next = await timed("next", "/next", {});
    if (next === undefined) return;
    if (next.kind !== "item") {
      result.idle += 1;
      await sleep(1000);
      continue;
    }
    const seconds = -Math.log(1 - Math.random()) * think;
    if (performance.now() + seconds * 1000 > until) return sleep(until - performance.now());
    await sleep(seconds * 1000);
    const body = {
      lease: next.lease,
      key: randomUUID(),
      active_ms: Math.round(seconds * 1000),
      answer: anyAnswer(),
    };
    result.sent += 1;
    const receipt = await timed("submit", "/judgements", body);
    if (receipt !== undefined) result.receipts.push(receipt.judgement);
  }
}
