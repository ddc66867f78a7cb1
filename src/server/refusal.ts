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

/** Seconds after which the database may be asked again. */
export const comeBackAfter = 5;

/** The store names its faults so: it is away, full or starting. */
const isDatabaseAway = (cause: unknown): boolean =>
  cause instanceof AttuneError && (cause.code === "network" || cause.code === "io");

/** What went wrong as a refusal. What is no refusal is told as little of as possible. */
export function asRefusal(cause: unknown): Refusal {
  if (cause instanceof Refusal) return cause;
  return isDatabaseAway(cause)
    ? new Refusal(
        "unavailable",
        "The database cannot be reached. Try again; an answer that was stored all the same is not stored twice.",
        comeBackAfter,
      )
    : new Refusal(
        "internal",
        "Something went wrong here. The server's log has more under this request's id.",
      );
}

export const notFound = (what = "There is no such thing here."): Refusal => new Refusal("not_found", what);
