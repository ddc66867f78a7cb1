/** The compiled `attune serve` as a process of its own, to be measured, killed and started again. Knows no load. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const binary = join(fileURLToPath(new URL("../..", import.meta.url)), "dist", "cli", "main.js");
/** On SIGUSR2 the server's process collects its garbage and says what is left. */
const onSignal = `process.on("SIGUSR2", () => {
  globalThis.gc();
  process.stderr.write(\`kept \${process.memoryUsage().heapUsed}\\n\`);
});`;
const flags = ["--expose-gc", "--import", `data:text/javascript,${encodeURIComponent(onSignal)}`];
export const ownerToken = "owner-of-the-measurement-0123456789";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** `where`: { folder } or { url }. */
export async function startServer(where) {
  const port = await freePort();
  const { DATABASE_URL: _, ...env } = process.env;
  const place = where.folder === undefined ? [] : ["--store", where.folder];
  const running = { port, child: undefined, starts: 0, log: "" };

  async function start() {
    running.starts += 1;
    running.child = spawn(process.execPath, [...flags, binary, "serve", "--port", String(port), ...place], {
      env: { ...env, ATTUNE_TOKEN: ownerToken, ...(where.url !== undefined && { DATABASE_URL: where.url }) },
    });
    running.child.stderr.on("data", (text) => (running.log = `${running.log}${text}`.slice(-4000)));
    const ended = once(running.child, "exit").then(() => {
      throw new Error(`the server ended at its start: ${running.log}`);
    });
    await Promise.race([once(running.child.stdout, "data"), ended]);
    // Later on it may end: it is killed.
    ended.catch(() => undefined);
  }
  await start();
  return {
    port,
    log: () => running.log,
    /** Resident memory in MiB. */
    memory() {
      const status = readFileSync(`/proc/${running.child.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024;
    },
    /** MiB of the heap that are held after a full collection. */
    async kept() {
      running.log = "";
      running.child.kill("SIGUSR2");
      for (;;) {
        const said = /^kept (\d+)$/m.exec(running.log);
        if (said !== null) return Number(said[1]) / 2 ** 20;
        await sleep(10);
      }
    },
    /** Seconds of processor, user and system together. */
    processor() {
      const stat = readFileSync(`/proc/${running.child.pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    async kill() {
      const gone = once(running.child, "exit");
      running.child.kill("SIGKILL");
      await gone;
    },
    start,
    async stop() {
      const gone = once(running.child, "exit");
      running.child.kill("SIGTERM");
      await gone;
    },
  };
}
