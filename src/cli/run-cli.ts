/** The command line as a function: arguments and streams in, exit code out. Knows no command. */
import { AttuneError } from "../errors.js";
import { nearestName } from "../util/nearest-name.js";
import { attuneVersion } from "../util/versions.js";
import { exitCodes } from "./command.js";
import { COMMANDS } from "./commands.js";
import type { Io } from "./io.js";
import { welcome } from "./welcome.js";

/** Runs a command. Errors of ours are printed without a stack, unless ATTUNE_DEBUG is set; others are bugs and keep it. */
export async function runCli(
  args: readonly string[],
  { io, debug }: { io: Io; debug: boolean },
): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (!(error instanceof AttuneError)) {
      io.err(
        `attune: this is a bug, please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
      );
      return exitCodes.error;
    }
    io.err(`error: ${error.message}\n`);
    if (debug)
      io.err(`${error.stack}\n${error.cause === undefined ? "" : `caused by ${String(error.cause)}\n`}`);
    if (error.code === "interrupted") return exitCodes.interrupted;
    return error.code === "usage" || error.code === "config" ? exitCodes.usage : exitCodes.error;
  }
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.out(welcome(COMMANDS));
    return exitCodes.ok;
  }
  if (name === "--version" || name === "-v") {
    io.out(attuneVersion());
    return exitCodes.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const near = nearestName(name, Object.keys(COMMANDS));
    throw new AttuneError("usage", {
      where: "attune",
      expected: Object.keys(COMMANDS).join(", "),
      got: name,
      fix: near === undefined ? "attune --help" : `did you mean attune ${near}?`,
    });
  }
  return (await command.load()).run(rest, io);
}
