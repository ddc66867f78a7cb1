#!/usr/bin/env node
/** The binary: hands the process's arguments and streams to the command line. */
import { processIo } from "./io.js";
import { runCli } from "./run-cli.js";

// A reader that goes away (`attune inspect data | head`) is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), {
  io: processIo(process),
  debug: process.env["ATTUNE_DEBUG"] === "1",
});
