/** A private PostgreSQL server in a temporary folder, on a Unix socket and a free port, for tests. */
import { execFile, execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

function binFolder(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(debian, version, "bin"));
  return [...folders, "/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin"].find((folder) =>
    existsSync(join(folder, "initdb")),
  );
}

/** The user that the server runs as: it refuses to be root. */
function account(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"]).toString());
  return { uid: id("-u"), gid: id("-g") };
}

/** Why there is none; undefined when there is. */
export function whyNoPostgres(): string | undefined {
  if (binFolder() === undefined) return "no PostgreSQL is installed (Debian: apt-get install postgresql)";
  try {
    account();
    return undefined;
  } catch {
    return "root may not run PostgreSQL and there is no user called postgres";
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export interface PrivatePostgres {
  url: string;
  /** Ends it as a crash would; `fast`: in order, but without waiting for its connections. */
  crash(how?: "immediate" | "fast"): Promise<void>;
  start(): Promise<void>;
  /** It and all its connections hang: nothing is answered, nothing is closed. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PrivatePostgres> {
  const bin = binFolder()!;
  const owner = account();
  const folder = mkdtempSync(join(tmpdir(), "attune-postgres-"));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const port = await freePort();
  const data = join(folder, "data");
  const options = { ...owner, cwd: folder, env: { ...process.env, LC_ALL: "C.UTF-8" } };
  const control = (...args: string[]) => run(join(bin, "pg_ctl"), ["-D", data, "-w", ...args], options);
  await run(
    join(bin, "initdb"),
    ["-D", data, "-U", "attune", "-A", "trust", "-E", "UTF8", "--no-sync"],
    options,
  );
  const start = async () => {
    const flags = `-c listen_addresses=127.0.0.1 -p ${port} -k ${folder} -c max_connections=50`;
    await control("-l", join(folder, "log"), "-o", flags, "start");
  };
  await start();
  // The parent first, so that no child is born meanwhile.
  const signal = (name: NodeJS.Signals) => {
    const pid = Number(readFileSync(join(data, "postmaster.pid"), "utf8").split("\n")[0]);
    process.kill(pid, name);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    for (const child of children.split(" ").filter(Boolean)) process.kill(Number(child), name);
  };
  return {
    url: `postgres://attune@127.0.0.1:${port}/postgres`,
    start,
    crash: async (how = "immediate") => void (await control("-m", how, "stop")),
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    stop: async () => {
      await control("-m", "immediate", "stop").catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
