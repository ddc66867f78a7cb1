/**
 * The opening of every command with one list of settings: its help where asked, else its values checked; then its work.
 * Knows no command.
 */
import type { z } from "zod";
import { AttuneError } from "../errors.js";
import { checkValues, readArgs } from "./args.js";
import { type Command, type CommandHelp, exitCodes } from "./command.js";
import { renderHelp } from "./help.js";
import type { Io } from "./io.js";

export interface Given<T extends Record<string, z.ZodType>> {
  /** Checked, defaults filled in. */
  values: z.output<z.ZodObject<T>>;
  /** What stands without a flag. */
  words: readonly string[];
  io: Io;
}

/** `run` of a command: what it is given goes to `work`, which gives the exit code. Throws `usage`. */
export function defineRun<T extends Record<string, z.ZodType>>(
  { help, settings }: { help: CommandHelp; settings: T },
  work: (given: Given<T>) => number | Promise<number>,
): Command["run"] {
  return async (args, io) => {
    const { values, positionals, help: asked } = readArgs(args, help);
    if (asked) {
      io.out(renderHelp(help, io));
      return exitCodes.ok;
    }
    const checked = checkValues(values, { shape: settings, command: help.name });
    return work({ values: checked, words: positionals, io });
  };
}

/** A word or setting that the command cannot do without. Throws `usage`, with the first example. */
export function needed<T>(value: T | undefined, { help, what }: { help: CommandHelp; what: string }): T {
  if (value !== undefined) return value;
  throw new AttuneError("usage", {
    where: help.name,
    expected: what,
    got: "nothing",
    fix: help.examples[0]!,
  });
}
