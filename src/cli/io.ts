/** Where a command reads and writes: answers to stdout, progress to stderr. Knows no command. */
import type { Writable } from "node:stream";

export interface Io {
  /** Answers. */
  out: (text: string) => void;
  /** A piece of an answer, without the end of a line. */
  piece: (text: string) => void;
  /** Progress, warnings, errors. */
  err: (text: string) => void;
  /** Whether stderr is a terminal, so that a line can be rewritten. */
  errIsTerminal: boolean;
  /** Whether stdout takes colours. */
  colour: boolean;
  /** Columns of the terminal. */
  columns: number;
}

type Stream = Writable & { isTTY?: boolean; columns?: number };

/** The process's own streams. NO_COLOR (no-color.org) turns colours off, FORCE_COLOR on. */
export function processIo({
  stdout,
  stderr,
  env,
}: {
  stdout: Stream;
  stderr: Stream;
  env: NodeJS.ProcessEnv;
}): Io {
  const colour = env["FORCE_COLOR"] !== undefined || (stdout.isTTY === true && env["NO_COLOR"] === undefined);
  return {
    out: (text) => void stdout.write(`${text}\n`),
    piece: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    errIsTerminal: stderr.isTTY === true,
    colour,
    columns: Math.min(stdout.columns ?? 100, 120),
  };
}
