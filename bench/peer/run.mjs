// Runs one peer script in the peer's environment and returns the JSON it prints; knows nothing of what it measures.
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { execute, tail } from "./environment.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** The named ways to run the peer, so that its best can be chosen per case: `training` and `decoding`. */
export const settings = JSON.parse(readFileSync(join(here, "settings.json"), "utf8"));

const allocators = {
  default: {},
  reuse: { MALLOC_MMAP_MAX_: "0", MALLOC_TRIM_THRESHOLD_: "100000000000" },
};

/**
 * Runs `bench/peer/<script>` with JSON options and returns the object on its last output line.
 *
 * @param {{python: string}} environment from `ensureEnvironment`
 * @param {string} script file name, with a subcommand after a space where it has one: `dpo_step.py`, `interop.py logits`
 * @param {object} run
 * @param {object} run.options what the script reads
 * @param {number} [run.threads] cores torch may use; default 2
 * @param {'default' | 'reuse'} [run.allocator] `reuse`: glibc keeps freed blocks instead of giving them back to the
 *   system and faulting them in again; often faster, see README.md; default: glibc as it comes
 * @returns {Promise<Record<string, unknown>>}
 * @throws {Error} with the end of the script's complaint when it fails or prints no JSON
 */
export async function runPeer(environment, script, { options, threads = 2, allocator = "default" }) {
  const [file, ...subcommand] = script.split(" ");
  const home = resolve(here, "../../.bench/home");
  await mkdir(home, { recursive: true });
  const result = await execute(
    environment.python,
    [join(here, file), ...subcommand, JSON.stringify(options)],
    {
      env: {
        ...process.env,
        OMP_NUM_THREADS: String(threads),
        ...allocators[allocator],
        HF_HOME: home,
        // Everything a peer needs is a local folder: a look-up on a hub would only add time or hang.
        HF_HUB_OFFLINE: "1",
        HF_HUB_DISABLE_TELEMETRY: "1",
        TOKENIZERS_PARALLELISM: "false",
        PYTHONDONTWRITEBYTECODE: "1",
      },
    },
  );
  const last = result.stdout.trim().split("\n").at(-1) ?? "";
  if (result.code !== 0) {
    const how = result.signal ? `signal ${result.signal}` : `code ${result.code}`;
    throw new Error(`bench/peer/${script} ended with ${how}:\n${tail(result.stderr)}`);
  }
  try {
    return JSON.parse(last);
  } catch {
    throw new Error(
      `bench/peer/${script}: expected one JSON line, got ${JSON.stringify(last.slice(0, 200))}`,
    );
  }
}
