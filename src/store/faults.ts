/**
 * What a database says when it fails, as errors that say what to do: gone, full, broken. What is about the data (a row that is
 * there already, a lost race) passes through unchanged. Knows no query.
 */
import { AttuneError } from "../errors.js";
import { sqlState } from "./rows.js";

/** An address without its user, password and parameters. */
export const hideSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, "//…@").replace(/\?.*$/, "");

/** The innermost message. */
function reasonOf(cause: unknown): string {
  let error = cause;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  if (error instanceof AggregateError) error = error.errors[0];
  return error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
}

/** Connection lost, a statement that took too long, server stopping or starting, a standby that may not write, no room for a connection; and what the system says. */
const gone = /^(08|57P|57014|25006|53[23]00)|^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)/;
const goneWords =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|Client has encountered|not queryable/;
const full = /No space left on device|ENOSPC|could not extend file/;

/** The same cause, or an `io` or `network` error in its place. `where` is the folder or the address. */
export function asFault(cause: unknown, where: string): unknown {
  if (cause instanceof AttuneError) return cause;
  const state = sqlState(cause) ?? "";
  const reason = reasonOf(cause);
  if (state === "53100" || state === "ENOSPC" || full.test(reason)) {
    return new AttuneError("io", {
      where,
      expected: "room for the database to write",
      got: reason,
      fix: "free some disk space and try again; what was acknowledged is kept",
      cause,
    });
  }
  if (gone.test(state) || goneWords.test(reason)) {
    return new AttuneError("network", {
      where,
      expected: "a PostgreSQL server that answers",
      got: reason,
      fix: "check DATABASE_URL and that the server runs; work goes on by itself when it is back",
      cause,
    });
  }
  // PGlite's engine ends for good when PostgreSQL itself would restart (a failed write of its log).
  if (
    /unreachable|PANIC|PGlite is closed|ExitStatus|memory access out of bounds|Program terminated/.test(
      reason,
    )
  ) {
    return new AttuneError("io", {
      where,
      expected: "an embedded database that runs",
      got: reason,
      fix: "check disk space and start again: it recovers what was acknowledged by itself",
      cause,
    });
  }
  return cause;
}
