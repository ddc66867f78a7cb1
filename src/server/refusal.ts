/** Saying no: one error class with the code of the interface, its status, and what may be said to the caller. Knows no route. */
import { AttuneError } from "../errors.js";
import type { ApiError } from "./api-schemas.js";

export type RefusalCode = ApiError["error"]["code"];

export const statusOf = {
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  invalid: 400,
  conflict: 409,
  lease_gone: 409,
  too_large: 413,
  too_many: 429,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<RefusalCode, number>;

export class Refusal extends Error {
  override readonly name = "Refusal";
  constructor(
    readonly code: RefusalCode,
    /** Shown to the caller. */
    message: string,
    /** Seconds after which it may be tried again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** SQLSTATE classes and system errors which say that the database is away, full or starting, not that the statement is wrong. */
const away = /^(08|53|57P|25006)|^E(CONN|PIPE|TIMEDOUT|NOTFOUND|HOSTUNREACH)/;

function isDatabaseAway(cause: unknown): boolean {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown };
    if (error instanceof AttuneError && (code === "network" || code === "io")) return true;
    if (typeof code === "string" && away.test(code)) return true;
    if (/Connection terminated|timeout exceeded when trying to connect/.test(error.message)) return true;
  }
  return false;
}

/** What went wrong as a refusal. What is no refusal is told as little of as possible. */
export function asRefusal(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause;
  return isDatabaseAway(cause)
    ? new Refusal("unavailable", "The database cannot be reached. Nothing was changed; try again.", 5)
    : new Refusal(
        "internal",
        "Something went wrong here. The server's log has more under this request's id.",
      );
}

export const notFound = (what = "There is no such thing here."): Refusal => new Refusal("not_found", what);
