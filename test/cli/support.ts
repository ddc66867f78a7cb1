/** The command line in the test's own process, and tiny data for it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { runCli } from "../../src/cli/run-cli.js";
import { data, missing } from "../support/shared.js";

export interface CliResult {
  code: number;
  out: string;
  err: string;
}

export const attune = (...args: string[]): Promise<CliResult> => attuneOn({}, ...args);

/** The same on a terminal of some kind. */
export async function attuneOn(
  terminal: {
    errIsTerminal?: boolean;
    colour?: boolean;
    columns?: number;
    piece?: (text: string) => void;
  },
  ...args: string[]
): Promise<CliResult> {
  const result = { out: "", err: "" };
  const io = {
    out: (text: string) => void (result.out += `${text}\n`),
    piece: (text: string) => void (result.out += text),
    err: (text: string) => void (result.err += text),
    errIsTerminal: false,
    colour: false,
    columns: 100,
    ...terminal,
  };
  const code = await runCli(args, { io, debug: false });
  return { code, ...result };
}

export const model = data("stories260K");
/** Why tests on the real model are skipped; undefined when it is there. */
export const noModel = missing(model);
if (noModel !== undefined) process.stderr.write(`skipped: ${noModel}\n`);

/** A folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function writeRows(path: string, rows: readonly unknown[]): string {
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

/** The field's classic first example. */
export const twoPairs = [
  {
    prompt: "What is the capital of France?",
    chosen: " Paris is the capital of France.",
    rejected: " I do not know.",
  },
  { prompt: "What do cats eat?", chosen: " Cats eat fish and mice.", rejected: " Rocks." },
];

const animals = ["cat", "dog", "bird", "fish", "horse", "cow", "frog", "bear"];

/** Pairs with different prompts, as many as are wanted. */
export const pairs = (count: number): typeof twoPairs =>
  Array.from({ length: count }, (_, i) => {
    const animal = `${animals[i % animals.length]} ${Math.floor(i / animals.length)}`;
    return {
      prompt: `Tell me of the ${animal}.`,
      chosen: ` The ${animal} was happy and played.`,
      rejected: ` No ${"no ".repeat(i % 3)}.`,
    };
  });
