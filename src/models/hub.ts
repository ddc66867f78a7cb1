/**
 * Finds a model: a local folder, or a Hub id that is downloaded into the Hugging Face cache. Knows nothing of what is inside.
 *
 * Obeys `HF_HUB_OFFLINE`, `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` as Python's huggingface_hub does.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

import {
  downloadFileToCacheDir,
  getHFHubCachePath,
  getRepoFolderName,
  listFiles,
  modelInfo,
} from "@huggingface/hub";

import { AttuneError } from "../errors.js";
import { ensureFolder, writeFileAtomic } from "../util/files.js";
import { refusePickle } from "./safetensors-shards.js";

export interface ResolveOptions {
  /** Use only what the cache has; default: `HF_HUB_OFFLINE` is 1, true, yes or on. */
  offline?: boolean;
  /** Default: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `~/.cache/huggingface/hub`. */
  cacheDir?: string;
  /** Called before each file, with its number from 1 and the count. */
  onFile?: (file: string, progress: { index: number; count: number }) => void;
  /** For tests and proxies; default: the global one. */
  fetch?: typeof fetch;
}

const idPattern = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/;

/** Only what is ever read: no pickle, no other framework's weights. */
const wantedFile = /\.(safetensors|json|jinja|txt|model)$/;
const duplicateWeights = /^(consolidated|flax_model|tf_model|rust_model)/;

/**
 * The folder of `idOrPath`: a local folder as it is, else `owner/name` or `owner/name@revision` from the Hub.
 * @throws AttuneError `network` when a download fails or offline mode finds nothing in the cache, `usage` when it is neither.
 */
export async function resolveModel(idOrPath: string, options: ResolveOptions = {}): Promise<string> {
  if (existsSync(idOrPath)) {
    if (statSync(idOrPath).isDirectory()) return idOrPath;
    throw new AttuneError("usage", {
      where: idOrPath,
      expected: "a model folder or a Hub id",
      got: "a file",
      fix: "name the folder that holds config.json and the weights",
    });
  }
  const match = idPattern.exec(idOrPath);
  if (match === null || idOrPath.startsWith(".")) {
    throw new AttuneError("usage", {
      where: `model ${idOrPath}`,
      expected: "an existing folder, or a Hub id such as Qwen/Qwen2.5-0.5B or owner/name@revision",
      got: "neither",
    });
  }
  const wanted = { name: match[1]!, revision: match[2] ?? "main" };
  const offline = options.offline ?? /^(1|true|yes|on)$/i.test(process.env["HF_HUB_OFFLINE"] ?? "");
  const cacheDir = options.cacheDir ?? getHFHubCachePath();
  const cached = cachedSnapshot(wanted, cacheDir);
  if (offline) {
    if (cached !== undefined) return cached;
    throw new AttuneError("network", {
      where: `model ${idOrPath}`,
      expected: `a copy in the cache ${cacheDir}, because HF_HUB_OFFLINE is set`,
      got: "none",
      fix: "run once without HF_HUB_OFFLINE, or give a local folder",
    });
  }
  try {
    return await download(wanted, { ...options, cacheDir });
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("network", {
      where: `model ${idOrPath}`,
      expected: "an existing local folder, or a download from the Hugging Face Hub",
      got: cause instanceof Error ? cause.message : String(cause),
      fix:
        cached === undefined
          ? "check the spelling and the connection; a gated model needs HF_TOKEN"
          : "HF_HUB_OFFLINE=1 uses the copy in the cache",
      cause,
    });
  }
}

interface Wanted {
  name: string;
  revision: string;
}

/** The cache's own layout: `models--owner--name/refs/main` holds a commit, `snapshots/COMMIT` its files. */
function cachedSnapshot({ name, revision }: Wanted, cacheDir: string): string | undefined {
  const storage = join(cacheDir, getRepoFolderName({ name, type: "model" }));
  const ref = join(storage, "refs", revision);
  const commit = existsSync(ref) ? readFileSync(ref, "utf8").trim() : revision;
  const folder = join(storage, "snapshots", commit);
  return existsSync(join(folder, "config.json")) ? folder : undefined;
}

async function download(
  { name, revision }: Wanted,
  { cacheDir, onFile, fetch }: ResolveOptions & { cacheDir: string },
): Promise<string> {
  const token = process.env["HF_TOKEN"];
  const shared = {
    hubUrl: process.env["HF_ENDPOINT"],
    ...(fetch === undefined ? {} : { fetch }),
    ...(token ? { accessToken: token } : {}),
  };
  const repo = { type: "model", name } as const;
  // One commit for all files, so that a push in between cannot mix two versions.
  const { sha } = await modelInfo({ ...shared, name, revision, additionalFields: ["sha"] });
  const all: string[] = [];
  for await (const { path, type } of listFiles({ ...shared, repo, revision: sha })) {
    if (type === "file" && !path.includes("/")) all.push(path);
  }
  const files = all.filter((path) => wantedFile.test(path) && !duplicateWeights.test(path));
  if (!files.some((path) => path.endsWith(".safetensors")))
    all.forEach((path) => refusePickle(`${name}: ${path}`));
  for (const [index, path] of files.entries()) {
    onFile?.(path, { index: index + 1, count: files.length });
    await quietly(() => downloadFileToCacheDir({ ...shared, repo, path, revision: sha, cacheDir }));
  }
  const storage = join(cacheDir, getRepoFolderName(repo));
  if (revision !== sha) {
    // Written last: offline mode finds a snapshot through its name only when it is complete.
    const ref = join(storage, "refs", revision);
    await ensureFolder(dirname(ref));
    await writeFileAtomic(ref, sha);
  }
  return join(storage, "snapshots", sha);
}

/** The package reports each file through `console.debug`, which is stdout in Node, and stdout is for answers. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { console } = globalThis;
  const debug: unknown = Reflect.get(console, "debug");
  Reflect.set(console, "debug", () => undefined);
  try {
    return await work();
  } finally {
    Reflect.set(console, "debug", debug);
  }
}
