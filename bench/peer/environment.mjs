// Makes the throw-away Python environment of the peer (torch, transformers, trl, peft); knows nothing of benchmarks.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const repository = resolve(here, "../..");
const requirementsFile = join(here, "requirements.txt");

/** Oldest Python for which torch 2.15 and transformers 5.23 are published. */
const oldestPython = [3, 10];

const packages = ["torch", "transformers", "trl", "peft", "accelerate", "safetensors", "datasets"];

/**
 * Returns the peer's Python, making the environment first when it is missing or was made from other requirements.
 *
 * The first call installs from the package index that `pip` is configured with: about 3 GB, one to five minutes.
 *
 * @param {object} [options]
 * @param {(line: string) => void} [options.log] receives progress lines; default: stderr
 * @param {string} [options.folder] where the environment lives; default: `.bench/venv` of the repository
 * @param {string} [options.python] the Python that makes it; default: `ATTUNE_PYTHON` or `python3`
 * @returns {Promise<{python: string, folder: string, versions: Record<string, string>}>}
 * @throws {Error} saying where, what was expected, what came and the fix: no Python, too old, no venv module, no index
 */
export async function ensureEnvironment({
  log = (line) => process.stderr.write(`${line}\n`),
  folder = join(repository, ".bench", "venv"),
  python = process.env.ATTUNE_PYTHON ?? "python3",
} = {}) {
  const requirements = await readFile(requirementsFile, "utf8");
  const fingerprint = createHash("sha256").update(requirements).digest("hex");
  const marker = join(folder, "attune-peer.json");
  const inside = pythonIn(folder);

  const kept = await versionsOf(marker, inside, fingerprint);
  if (kept) return { python: inside, folder, versions: kept };

  const version = await hostPython(python);
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  log(`peer: making a Python ${version} environment in ${folder}`);
  try {
    await makeEnvironment(python, folder);
    await install(inside, log);
  } catch (error) {
    // A half-made environment must not be taken for a whole one, nor keep its gigabytes.
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const versions = await installedVersions(inside);
  await writeFile(marker, `${JSON.stringify({ fingerprint, python: version, versions }, null, 2)}\n`);
  log(`peer: ready (${packages.map((name) => `${name} ${versions[name]}`).join(", ")})`);
  return { python: inside, folder, versions };
}

/** Runs a program to its end. Output lines go to `onLine`; a program that cannot start has `code` null. */
export function execute(command, args, { onLine, ...options } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    if (onLine) forwardLines(child, onLine);
    child.on("error", (error) =>
      done({ code: null, signal: null, stdout, stderr: `${stderr}${error.message}` }),
    );
    child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
}

function forwardLines(child, onLine) {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") onLine(line);
    });
  }
}

/** The last lines of a program's complaint: enough to see the cause, not the whole trace. */
export function tail(text, lines = 12) {
  return text.trim().split("\n").slice(-lines).join("\n");
}

function pythonIn(folder) {
  return process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

async function versionsOf(marker, python, fingerprint) {
  if (!existsSync(marker) || !existsSync(python)) return undefined;
  try {
    if (JSON.parse(await readFile(marker, "utf8")).fingerprint !== fingerprint) return undefined;
    // Asked again, not read from the marker: the Python it was made with may have been removed since.
    return await installedVersions(python);
  } catch {
    return undefined;
  }
}

async function installedVersions(python) {
  const code = `import json, importlib.metadata as m; print(json.dumps({n: m.version(n) for n in ${JSON.stringify(packages)}}))`;
  const result = await execute(python, ["-c", code]);
  if (result.code !== 0)
    throw new Error(`bench/peer: the environment does not answer:\n${tail(result.stderr)}`);
  return JSON.parse(result.stdout);
}

async function hostPython(python) {
  const result = await execute(python, ["-c", 'import sys; print("%d.%d.%d" % sys.version_info[:3])']);
  if (result.code !== 0) {
    throw new Error(
      `bench/peer: expected a Python >= ${oldestPython.join(".")} as '${python}', got: ${tail(result.stderr, 2) || "none"}. ` +
        "Install python3 or set ATTUNE_PYTHON to one.",
    );
  }
  const version = result.stdout.trim();
  const [major, minor] = version.split(".").map(Number);
  if (major !== oldestPython[0] || minor < oldestPython[1]) {
    throw new Error(
      `bench/peer: expected a Python >= ${oldestPython.join(".")} as '${python}', got ${version}. ` +
        "Set ATTUNE_PYTHON to a newer one.",
    );
  }
  return version;
}

async function makeEnvironment(python, folder) {
  const result = await execute(python, ["-m", "venv", folder]);
  if (result.code === 0) return;
  throw new Error(
    `bench/peer: '${python} -m venv ${folder}' failed (code ${result.code}):\n${tail(result.stderr || result.stdout)}\n` +
      "Debian and Ubuntu ship the venv module apart: install the package python3-venv.",
  );
}

async function install(python, log) {
  // One resolution for all: pip takes the index, proxies and wheels that this machine is configured with.
  const args = ["-m", "pip", "install", "--progress-bar", "off", "-r", requirementsFile];
  const result = await execute(python, args, {
    onLine: (line) => {
      if (/^(Collecting|Downloading|Installing|Successfully|ERROR|WARNING)/.test(line.trim()))
        log(`peer: ${line.trim()}`);
    },
  });
  if (result.code === 0) return;
  throw new Error(
    `bench/peer: pip could not install bench/peer/requirements.txt (code ${result.code}):\n${tail(result.stderr || result.stdout)}\n` +
      "Expected a reachable package index (see `pip config list`), about 3 GB of download and 6 GB of disk.",
  );
}
