/**
 * A typed client of the HTTP interface, made from its table: `attune/client`. Runs in browsers and in Node, needs nothing but zod.
 * Keeps the session's CSRF token; the cookie is the browser's affair. Knows no server.
 */
import { routes, type BodyOf, type PathOf, type QueryOf, type ResponseOf, type RouteName } from "./api.js";
import type { ApiError } from "./api-schemas.js";

export type { BodyOf, PathOf, QueryOf, ResponseOf, RouteName } from "./api.js";

export interface CallOptions<N extends RouteName> {
  path?: PathOf<N>;
  query?: QueryOf<N>;
  body?: BodyOf<N>;
  signal?: AbortSignal;
}

export interface Client {
  /** Calls a route by name. Throws `ApiFailure` for a refusal, and what `fetch` throws without a connection. */
  call<N extends RouteName>(name: N, options?: CallOptions<N>): Promise<ResponseOf<N>>;
}

export interface ClientOptions {
  /** Default: same origin. */
  base?: string;
  /** Sent as `Authorization: Bearer`; for programs. Browsers have a cookie. */
  token?: string;
  fetch?: typeof fetch;
}

export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  constructor(
    readonly status: number,
    readonly code: ApiError["error"]["code"],
    message: string,
  ) {
    super(message);
  }
}

export function createClient({ base = "", token, fetch: send = fetch }: ClientOptions = {}): Client {
  let csrf: string | undefined;
  return {
    async call<N extends RouteName>(name: N, options: CallOptions<N> = {}): Promise<ResponseOf<N>> {
      const { method, path } = routes[name];
      const given = (options.path ?? {}) as Record<string, string>;
      const filled = path.replace(/:(\w+)/g, (_, part: string) => encodeURIComponent(given[part] ?? ""));
      const pairs = Object.entries((options.query ?? {}) as Record<string, unknown>)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, String(value)]);
      const search =
        pairs.length > 0 ? `?${new URLSearchParams(pairs as [string, string][]).toString()}` : "";
      const body = method === "POST" || method === "PATCH" ? JSON.stringify(options.body ?? {}) : undefined;
      const response = await send(`${base}${filled}${search}`, {
        method,
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(csrf !== undefined && { "x-attune-csrf": csrf }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(body !== undefined && { body }),
        ...(options.signal && { signal: options.signal }),
        credentials: "same-origin",
      });
      const json = (response.headers.get("content-type") ?? "").startsWith("application/json");
      const value: unknown = json ? await response.json() : await response.text();
      if (!response.ok) {
        const error = (value as Partial<ApiError>).error;
        throw new ApiFailure(
          response.status,
          error?.code ?? "internal",
          error?.message ?? `HTTP ${response.status}`,
        );
      }
      if (name === "login" || name === "session") csrf = (value as ResponseOf<"session">).csrf;
      return value as ResponseOf<N>;
    },
  };
}
