/**
 * Calls webhooks: takes what the store owes, signs it, sends it, and tries again later until it is acknowledged (any 2xx). What is
 * owed outlives the process. Redirects are not followed, so that a call goes nowhere but where the owner said. Knows no route.
 */
import { createHmac } from "node:crypto";
import {
  acknowledgeDelivery,
  findProject,
  postponeDelivery,
  takeDeliveries,
  type Delivery,
  type Store,
} from "../store/index.js";
import { readSettings } from "./admit.js";
import type { Log } from "./log.js";
import type { Metrics } from "./metrics.js";

export interface Webhooks {
  /** Looks now rather than at the next tick. */
  wake(): void;
  /** Ends after the calls that are under way. */
  close(): Promise<void>;
}

export interface WebhookOptions {
  store: Store;
  log: Log;
  metrics: Metrics;
  /** Milliseconds between two looks; default 2000. */
  every?: number;
  /** Milliseconds before the second try, doubled after each; default 2000, at most six hours. */
  firstWait?: number;
  /** Milliseconds for a call; default 10,000. */
  timeout?: number;
  send?: typeof fetch;
}

const longestWait = 6 * 3_600_000;

/** `v1=` and the hex of HMAC-SHA256 over `timestamp.body`: the receiver checks both, so an old call cannot be played again. */
export const signatureOf = (
  secret: string,
  { timestamp, body }: { timestamp: string; body: string },
): string => `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;

export function runWebhooks(options: WebhookOptions): Webhooks {
  const { store, log, metrics, every = 2000, firstWait = 2000, timeout = 10_000, send = fetch } = options;
  let closed = false;
  let working: Promise<void> | undefined;
  let again = false;

  const call = async ({ id, project, event, attempts }: Delivery): Promise<void> => {
    const error = await tryOnce({ id, project, event });
    if (error === undefined) {
      metrics.count("webhooks_delivered");
      return acknowledgeDelivery(store, id);
    }
    metrics.count("webhooks_failed");
    log({ level: "warn", event: "webhook", code: `attempt ${attempts}`, message: `${id}: ${error}` });
    // A little chance keeps many calls to a server that was away from coming back all at once.
    const afterMs = Math.min(longestWait, firstWait * 2 ** (attempts - 1)) * (1 + Math.random() / 5);
    return postponeDelivery(store, { id, error, afterMs });
  };

  const tryOnce = async ({ id, project, event }: Omit<Delivery, "attempts">): Promise<string | undefined> => {
    const row = await findProject(store, project);
    const webhook = row && readSettings(row.settings).webhook;
    if (webhook == null) return undefined; // Nobody wants to be told any more.
    const body = JSON.stringify({ id, ...event });
    const timestamp = String(Math.floor(Date.now() / 1000));
    try {
      const reply = await send(webhook.url, {
        method: "POST",
        redirect: "manual",
        signal: AbortSignal.timeout(timeout),
        headers: {
          "content-type": "application/json",
          "user-agent": "attune-webhook",
          // Items may be called anything; a header may not.
          "x-attune-id": encodeURI(id),
          "x-attune-timestamp": timestamp,
          "x-attune-signature": signatureOf(webhook.secret, { timestamp, body }),
        },
        body,
      });
      await reply.body?.cancel();
      return reply.ok ? undefined : `answered ${reply.status}`;
    } catch (cause) {
      const { cause: inner } = cause as { cause?: { code?: string } };
      return inner?.code ?? (cause instanceof Error ? cause.message : String(cause));
    }
  };

  const work = async (): Promise<void> => {
    do {
      again = false;
      try {
        const due = await takeDeliveries(store, { limit: 10, holdMs: timeout + 60_000 });
        await Promise.all(due.map(call));
        if (due.length === 10 && !closed) again = true;
      } catch (cause) {
        log({ level: "error", event: "webhook", message: String(cause) });
      }
    } while (again);
    working = undefined;
  };
  const wake = (): void => {
    if (closed) return;
    if (working === undefined) working = work();
    else again = true;
  };
  const timer = setInterval(wake, every);
  wake();
  return {
    wake,
    async close() {
      closed = true;
      again = false;
      clearInterval(timer);
      await working;
    },
  };
}
