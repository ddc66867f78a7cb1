/**
 * `attune serve` as a process of its own on a new store, for tests that kill it and start it again at the same address. Knows no
 * browser.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Client } from "../../src/server/client.js";
import { repositoryRoot } from "./shared.js";

const token = "owner-token-of-the-browser-tests";

export interface AnnotationProcess {
  /** Where the page is; stays the same over restarts. */
  url: string;
  /** Opens the page as the owner. */
  ownerLink: string;
  owner: Client;
  /** A link for one annotator of a project. */
  link: (project: string) => Promise<string>;
  /** SIGKILL: nothing is finished, nothing is closed. */
  kill: () => Promise<void>;
  start: () => Promise<void>;
  close: () => Promise<void>;
}

export async function startAnnotationProcess(): Promise<AnnotationProcess> {
  const folder = mkdtempSync(join(tmpdir(), "attune-e2e-"));
  let child: ChildProcess | undefined;
  let port = "0";
  const start = async (): Promise<void> => {
    child = spawn(
      process.execPath,
      [join(repositoryRoot, "dist/cli/main.js"), "serve", "--store", folder, "--port", port],
      { env: { ...process.env, ATTUNE_TOKEN: token, DATABASE_URL: "" }, stdio: ["ignore", "pipe", "pipe"] },
    );
    port = await new Promise<string>((done, fail) => {
      let said = "";
      const read = (chunk: Buffer): void => {
        said += chunk.toString();
        const found = /http:\/\/127\.0\.0\.1:(\d+)\//.exec(said);
        if (found) done(found[1]!);
      };
      child!.stdout!.on("data", read);
      child!.stderr!.on("data", read);
      child!.on("exit", (code) => fail(new Error(`attune serve ended with ${code}: ${said}`)));
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child!.on("exit", done));
    child.kill(signal);
    await gone;
  };
  await start();
  const url = `http://127.0.0.1:${port}/`;
  const owner = createClient({ base: url.slice(0, -1), token });
  return {
    url,
    ownerLink: `${url}#token=${token}`,
    owner,
    async link(project) {
      const made = await owner.call("invite", { path: { project }, body: {} });
      return `${url.slice(0, -1)}${made.path}`;
    },
    kill: () => end("SIGKILL"),
    start,
    async close() {
      await end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
