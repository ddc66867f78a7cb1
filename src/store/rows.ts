/** Small pieces of SQL and of row reading that several queries share. Knows no table. */
import { randomBytes } from "node:crypto";
import { sql, type SQL } from "drizzle-orm";

export const json = (value: unknown): SQL =>
  value === undefined ? sql`null` : sql`${JSON.stringify(value)}::jsonb`;

/** A time as the database gives it, in ISO 8601. */
export const iso = (time: string | Date): string =>
  (time instanceof Date ? time : new Date(/[+-]\d\d$/.test(time) ? `${time}:00` : time)).toISOString();

/** An id that nobody guesses: prefix and 80 random bits. */
export const newId = (prefix: string): string => `${prefix}-${randomBytes(10).toString("hex")}`;

/** The SQLSTATE of a database error, through what the query builder wraps around it. */
export function sqlState(cause: unknown): string | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string") return code;
  }
  return undefined;
}
