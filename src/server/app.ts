/**
 * The HTTP application: the table of routes made into a Hono app. Every request passes the same checks in the same order, and every
 * refusal leaves as an `ApiError` and as a line in the log. Knows no database and no socket.
 */
import { randomBytes } from "node:crypto";
import { Hono, type Context } from "hono";
import { routes, type Route, type RouteName } from "./api.js";
import { checkCaller, checkRate, loadProject } from "./admit.js";
import type { Call, Caller, ServerContext } from "./call.js";
import { handlers } from "./handlers.js";
import { identify } from "./identify.js";
import { checkHost, checkOrigin } from "./origin.js";
import { readBody, readPath, readQuery } from "./read-request.js";
import { asRefusal, notFound, statusOf } from "./refusal.js";
import { commonHeaders } from "./security-headers.js";
import type { StaticFiles } from "./static-files.js";

/** What the socket knows; absent where the app is called without one. */
interface Bindings {
  incoming?: { socket?: { remoteAddress?: string } };
}

export function createApp(
  context: ServerContext,
  { files }: { files: StaticFiles },
): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>();
  for (const name of Object.keys(routes) as RouteName[]) {
    const { method, path } = routes[name];
    app.on(method, path, (c) =>
      answer(context, c, { name, work: (seen) => callRoute(context, c, { name, seen }) }),
    );
  }
  app.all("*", (c) =>
    answer(context, c, {
      name: "static",
      work: async () => {
        checkHost(c.req.header("host") ?? null, context.hostNames);
        const reply = await files(c.req.raw);
        if (reply === undefined) throw notFound();
        return reply;
      },
    }),
  );
  return app;
}

interface Seen {
  caller?: Caller;
}
type AppContext = Context<{ Bindings: Bindings }>;

/** Does the work and, whatever happens, replies: with headers, a log line for a refusal, and a count. */
async function answer(
  { log, metrics }: ServerContext,
  c: AppContext,
  { name, work }: { name: RouteName | "static"; work: (seen: Seen) => Promise<Response> },
): Promise<Response> {
  const started = performance.now();
  const request = randomBytes(8).toString("hex");
  const seen: Seen = {};
  let reply: Response;
  try {
    reply = await work(seen);
  } catch (cause) {
    const refusal = asRefusal(cause);
    const status = statusOf[refusal.code];
    log({
      level: status >= 500 ? "error" : "warn",
      event: "refused",
      request,
      method: c.req.method,
      ...(name === "static" ? { path: c.req.path.slice(0, 300) } : { route: name }),
      status,
      code: refusal.code,
      message: refusal.message,
      ...(seen.caller && { annotator: seen.caller.annotator }),
      ...(refusal !== cause && { stack: stackOf(cause) }),
    });
    reply = Response.json(
      { error: { code: refusal.code, message: refusal.message, request } },
      {
        status,
        headers: {
          "cache-control": "no-store",
          ...(refusal.retryAfter && { "retry-after": String(refusal.retryAfter) }),
        },
      },
    );
  }
  reply.headers.set("x-request-id", request);
  for (const [header, value] of Object.entries(commonHeaders))
    if (!reply.headers.has(header)) reply.headers.set(header, value);
  metrics.request({
    route: name,
    method: c.req.method,
    status: reply.status,
    seconds: (performance.now() - started) / 1000,
  });
  return reply;
}

function stackOf(cause: unknown): string {
  const own = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  const below =
    cause instanceof Error && cause.cause !== undefined ? `\ncaused by ${stackOf(cause.cause)}` : "";
  // What people judge can stand in a statement's parameters.
  return `${own.replace(/\nparams: [^\n]*/g, "")}${below}`.slice(0, 8000);
}

async function callRoute(
  context: ServerContext,
  c: AppContext,
  { name, seen }: { name: RouteName; seen: Seen },
): Promise<Response> {
  const route: Route = routes[name];
  const request = c.req.raw;
  const address = c.env?.incoming?.socket?.remoteAddress ?? "none";
  checkHost(c.req.header("host") ?? null, context.hostNames);
  checkOrigin(request);
  const path = readPath(c.req.param());
  const caller = await identify(request, context, { asked: path["project"] });
  if (caller !== undefined) seen.caller = caller;
  checkRate(caller, { context, address });
  checkCaller(caller, { route, request });
  const project =
    path["project"] === undefined ? undefined : await loadProject(path["project"], { caller, context });
  const query = readQuery(new URL(request.url), route);
  const body = await readBody(request, route);
  const headers = new Headers({ "cache-control": "no-store" });
  // Path, query and body were checked by the very schemas that the handler's types come from.
  const call = {
    context,
    store: context.store,
    caller,
    project,
    path,
    query,
    body,
    request,
    address,
    headers,
  };
  const value: unknown = await (handlers[name] as (call: Call<never>) => Promise<unknown>)(
    call as unknown as Call<never>,
  );
  if (value instanceof Response) {
    for (const [header, each] of headers) if (!value.headers.has(header)) value.headers.set(header, each);
    return value;
  }
  // Strict schemas on the way out as well: what an annotator must not see has no place in them.
  return Response.json(route.response.parse(value), { headers });
}
