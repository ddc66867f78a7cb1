// The peer as one Python process that answers requests in turn; knows the protocol of serve.py, no case.
import { spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/**
 * Starts the peer.
 *
 * @param {{python: string}} environment from `ensureEnvironment`
 * @param {{scratch: string}} options a folder for the numbers that it hands over
 * @returns {{ask: (command: string, options: object) => Promise<object>, close: () => void}} `ask` resolves to the
 *   loading report (`missing`, `unexpected`, `mismatched`) with the numbers that were computed; it rejects with what
 *   Python raised
 */
export function startPeer(environment, { scratch }) {
  const child = spawn(environment.python, [join(here, "serve.py")], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      HF_HOME: join(scratch, "home"),
      HF_HUB_OFFLINE: "1",
      HF_HUB_DISABLE_TELEMETRY: "1",
      TOKENIZERS_PARALLELISM: "false",
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr = (stderr + text).slice(-4000)));
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.resolve(JSON.parse(line)));
  let ended;
  const end = (reason) => {
    ended = new Error(
      `bench/interop/serve.py ${reason}:\n${stderr.trim().split("\n").slice(-12).join("\n")}`,
    );
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.on("error", (error) => end(`did not start (${error.message})`));
  child.on("close", (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
  // A peer that died shows in `close`; the write that follows would otherwise end this process.
  child.stdin.on("error", () => {});

  const send = (request) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });

  let count = 0;
  return {
    async ask(command, options) {
      const out = join(scratch, `numbers-${count++}.json`);
      const { report, error } = await send({ command, options: { ...options, out } });
      if (error !== undefined) throw new Error(error);
      const numbers = JSON.parse(await readFile(out, "utf8"));
      await rm(out);
      return {
        ...report,
        ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value.flat(Infinity)])),
      };
    },
    close: () => child.stdin.end(),
  };
}
