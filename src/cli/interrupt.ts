/** Ctrl-C: the first asks to stop, the second stops at once. */
import { exitCodes } from "./command.js";
import type { Io } from "./io.js";

export interface Interrupt {
  signal: AbortSignal;
  /** Gives Ctrl-C its usual meaning again. */
  release: () => void;
}

export function onInterrupt(io: Io, message: string): Interrupt {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    io.err(`\n${message}\n`);
    controller.abort();
  };
  process.on("SIGINT", listener);
  process.on("SIGTERM", listener);
  return {
    signal: controller.signal,
    release: () => {
      process.off("SIGINT", listener);
      process.off("SIGTERM", listener);
    },
  };
}
