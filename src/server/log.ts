/** One JSON object a line, for refusals, errors and what the server does of itself. Never a token, a cookie or a text that people judge. */
export interface LogEntry {
  time: string;
  level: "info" | "warn" | "error";
  event: string;
  /** The id that the caller was given. */
  request?: string;
  method?: string;
  /** The table's name of the route; `path` where there is none. */
  route?: string;
  path?: string;
  status?: number;
  code?: string;
  message?: string;
  annotator?: string;
  /** Of errors only, here only. */
  stack?: string;
}

export type Log = (entry: Omit<LogEntry, "time">) => void;

/** Line breaks and control characters are escaped by JSON, so nothing that is logged can look like another line. */
export const logLines =
  (write: (line: string) => void, now: () => Date = () => new Date()): Log =>
  (entry) =>
    write(`${JSON.stringify({ time: now().toISOString(), ...entry })}\n`);
