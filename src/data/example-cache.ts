/**
 * Tokenised examples made once and kept in a file that is named by everything they depend on, so that going on with a run
 * reads them instead of tokenising again. Knows neither tokenizer nor data: the caller says what they depend on.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttuneError } from "../errors.js";
import { sha256 } from "../util/files.js";
import {
  createExampleFile,
  type ExampleFile,
  type ExampleFileWriter,
  openExampleFile,
} from "./example-file.js";

export interface CachedExamplesOptions {
  /** Folder of the file. Default: the system's folder for temporary files, and the file goes with the process. */
  folder?: string | undefined;
  /**
   * All that the examples depend on: hashes of the data's files, `tokenisingHash`, kind, lengths and whatever else decides
   * what `fill` adds. Plain JSON; the order of names does not matter.
   */
  dependsOn: Readonly<Record<string, unknown>>;
  /** Tokens are below this. */
  vocabSize: number;
}

export interface CachedExamples<Info> {
  examples: ExampleFile;
  /** What `fill` gave back when the file was made, through JSON. */
  info: Info;
  /** `made` now, or found in the `cache`. */
  source: "made" | "cache";
  /** Why a file that was there could not be used and was made again. */
  mended?: string;
}

/**
 * The examples that `fill` adds, from the file where one of the same dependencies is there and whole, else made now.
 *
 * When `fill` throws, nothing is left behind. Runs that make the same file at once both succeed.
 * @throws AttuneError `io` when the file cannot be written (a full disk), and what `fill` throws.
 */
export async function cachedExamples<Info>(
  { folder, dependsOn, vocabSize }: CachedExamplesOptions,
  fill: (writer: Pick<ExampleFileWriter, "add">) => Promise<Info>,
): Promise<CachedExamples<Info>> {
  const temporary = folder === undefined;
  const name = temporary
    ? `attune-${process.pid}-${randomBytes(4).toString("hex")}`
    : sha256(canonical({ ...dependsOn, vocabSize })).slice(0, 32);
  const path = join(folder ?? tmpdir(), `${name}.examples`);
  let mended: string | undefined;
  if (existsSync(path)) {
    try {
      const examples = openExampleFile(path);
      return { examples, info: examples.info as Info, source: "cache" };
    } catch (cause) {
      if (!(cause instanceof AttuneError) || cause.code !== "data") throw cause;
      mended = cause.got;
      await rm(path, { force: true });
    }
  }
  const writer = await createExampleFile(path, { vocabSize });
  try {
    await writer.commit(await fill(writer));
  } finally {
    await writer.abort();
  }
  const examples = openExampleFile(path, { temporary });
  return { examples, info: examples.info as Info, source: "made", ...(mended !== undefined && { mended }) };
}

/** JSON with names in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
