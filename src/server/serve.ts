/**
 * The server as it runs: the app on a socket, with its feed, webhooks and counters, and an orderly end. Loopback unless told otherwise.
 * Knows no command line.
 */
import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { AttuneError } from "../errors.js";
import { createOwner, findProject, listProjects, type Store } from "../store/index.js";
import { readSettings } from "./admit.js";
import { createApp } from "./app.js";
import type { ServerContext } from "./call.js";
import { ownerId } from "./identify.js";
import type { Log } from "./log.js";
import { createMetrics } from "./metrics.js";
import { createOpenings } from "./openings.js";
import { createProgressFeed } from "./progress-feed.js";
import { createRateLimit } from "./rate-limit.js";
import { readProgress } from "./routes/progress.js";
import { builtPage, serveFolder } from "./static-files.js";
import { runWebhooks, type WebhookOptions } from "./webhooks.js";

export interface ServeOptions {
  store: Store;
  log: Log;
  /** 0: a free one. */
  port?: number;
  /** Address to listen on; default 127.0.0.1, this machine only. */
  host?: string;
  /** How people reach it, where a proxy or a name is in between: `https://judge.example.org`. */
  publicUrl?: string;
  /** The owner's token; default: a new one. */
  token?: string;
  /** Folder of the built page; default: the package's own. */
  page?: string;
  /** Calls a second of one session that are borne for long; default 50. */
  callsPerSecond?: number;
  webhooks?: Pick<WebhookOptions, "every" | "firstWait" | "timeout" | "send">;
}

export interface RunningServer {
  /** Without a slash at the end. */
  url: string;
  port: number;
  /** Opens the page as owner of all projects. */
  ownerToken: string;
  /** A token that does so once, within a minute. */
  openingToken: () => string;
  /** Takes no more requests, finishes those under way, ends streams. The store stays open: it is the caller's. */
  close(): Promise<void>;
}

/** Milliseconds after which requests that still run are cut off. */
const patience = 10_000;

export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { store, log, host = "127.0.0.1", port = 0, publicUrl, callsPerSecond = 50 } = options;
  const ownerToken = options.token ?? randomBytes(24).toString("base64url");
  const metrics = createMetrics();
  const feed = createProgressFeed({
    read: async (id) =>
      readProgress({ store }, { id, settings: readSettings((await findProject(store, id))!.settings) }),
  });
  const webhooks = runWebhooks({ store, log, metrics, ...options.webhooks });
  const context: ServerContext = {
    store,
    ownerToken,
    openings: createOpenings(),
    log,
    metrics,
    feed,
    agreements: new Map(),
    groupAgreements: new Map(),
    streams: new Map(),
    wakeWebhooks: webhooks.wake,
    hostNames: publicUrl === undefined ? [] : [new URL(publicUrl).hostname],
    cookie: { name: "attune_session", secure: publicUrl?.startsWith("https:") ?? false },
    limits: {
      calls: createRateLimit({ burst: 4 * callsPerSecond, perSecond: callsPerSecond }),
      strangers: createRateLimit({ burst: 100, perSecond: 10 }),
      guesses: createRateLimit({ burst: 10, perSecond: 1 / 6 }),
    },
  };
  const files = serveFolder(options.page ?? builtPage(), {
    imagesAllowed: async () =>
      (await listProjects(store)).some(({ settings }) => readSettings(settings).images),
  });
  const server = createAdaptorServer({ fetch: createApp(context, { files }).fetch }) as Server;
  server.requestTimeout = 60_000;
  // People read for a while: the connection is there when they answer.
  server.keepAliveTimeout = 75_000;
  try {
    // A program with the owner's token judges as the owner, who may never have opened the page.
    await createOwner(store, ownerId);
    await listen(server, { host, port });
  } catch (cause) {
    await webhooks.close();
    metrics.close();
    throw cause;
  }
  const bound = (server.address() as AddressInfo).port;
  // Cookies know no ports: without it in the name, two servers on one machine would take each other's.
  context.cookie.name = `attune_session_${bound}`;
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    url: (publicUrl ?? `http://${shown}:${bound}`).replace(/\/$/, ""),
    port: bound,
    ownerToken,
    openingToken: context.openings.make,
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      feed.close();
      // A connection whose request or stream ends from now on is kept alive by browsers, and waited for otherwise.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      const impatient = setTimeout(() => server.closeAllConnections(), patience);
      await closed;
      clearInterval(sweep);
      clearTimeout(impatient);
      await webhooks.close();
      metrics.close();
    },
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === "EADDRINUSE";
      fail(
        new AttuneError("io", {
          where: `${host}:${port}`,
          expected: "an address to listen on",
          got: taken ? "one that another program uses" : (cause.code ?? cause.message),
          fix: taken ? "choose another --port" : "check --host and --port",
          cause,
        }),
      );
    });
    server.listen(port, host, () => done());
  });
}
