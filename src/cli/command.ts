/** What a command is. Knows no particular one. */
import type { z } from "zod";
import type { Io } from "./io.js";

/** Settings by the title of their section in the help. */
export type Sections = Readonly<Record<string, Readonly<Record<string, z.ZodType>>>>;

export interface CommandHelp {
  /** `attune train dpo`. */
  name: string;
  /** What it does, in a sentence or two. */
  about: string;
  /** Names of what stands without a flag, e.g. `DATA`. */
  positionals: readonly string[];
  /** The last positional may come any number of times. */
  manyPositionals?: boolean;
  examples: readonly string[];
  /** Flags. */
  sections: Sections;
}

/** A module behind a name in the table of commands. Gives the exit code. */
export interface Command {
  run(args: readonly string[], io: Io): Promise<number>;
}

export const exitCodes = { ok: 0, error: 1, usage: 2, interrupted: 130 } as const;
