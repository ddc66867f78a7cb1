/**
 * A data set of the Hugging Face hub, downloaded into the hub's own cache. Reaches the network only when a data
 * set id is given by name; with HF_HUB_OFFLINE set, or without network, what the cache holds is used.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { rowKindOfName } from "./file-kind.js";
import { filesOfSplit } from "./splits-of-folder.js";

export interface HubOptions {
  /** Split; default `train`. */
  split?: string;
  /** Subset: the folder of the data set to take. */
  subset?: string;
  /** Branch, tag or commit; default `main`. */
  revision?: string;
  /** Cache folder; default that of the hub's own library (HF_HOME, HF_HUB_CACHE). */
  cacheDir?: string;
  /** For tests and proxies. */
  fetch?: typeof fetch;
}

/** `owner/name`, as the hub spells data set ids. */
export function isHubId(text: string): boolean {
  return (
    /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text) &&
    !/\.(jsonl?|ndjson|csv|tsv|parquet|txt|gz)$/i.test(text)
  );
}

/** Local paths of the files of one split, downloaded where the cache lacks them. Throws `network` or `data`. */
export async function fetchHubDataset(id: string, options: HubOptions = {}): Promise<string[]> {
  // Loaded when a data set is named so: no local file waits for it.
  const { downloadFileToCacheDir, getHFHubCachePath, getRepoFolderName, listFiles } =
    await import("@huggingface/hub");
  const { revision = "main", cacheDir = getHFHubCachePath() } = options;
  const repo = { type: "dataset", name: id } as const;
  const offline = ["1", "true", "yes", "on"].includes((process.env["HF_HUB_OFFLINE"] ?? "").toLowerCase());
  const access = {
    repo,
    revision,
    ...(options.fetch && { fetch: options.fetch }),
    ...(process.env["HF_ENDPOINT"] && { hubUrl: process.env["HF_ENDPOINT"] }),
    ...(process.env["HF_TOKEN"] && { accessToken: process.env["HF_TOKEN"] }),
  };
  const cached = cachedSnapshot(join(cacheDir, getRepoFolderName(repo)), revision);
  let paths: string[] = [];
  try {
    if (offline) throw new Error("HF_HUB_OFFLINE is set");
    for await (const entry of listFiles({ ...access, recursive: true }))
      if (entry.type === "file") paths.push(entry.path);
  } catch (cause) {
    if (cached === undefined) throw networkError(id, cause);
    const names = await readdir(cached, { recursive: true });
    return chooseFiles(id, { paths: names.map((name) => name.replaceAll("\\", "/")), options }).map((path) =>
      join(cached, path),
    );
  }
  paths = chooseFiles(id, { paths, options });
  const files: string[] = [];
  for (const path of paths) {
    try {
      files.push(await withoutDebugOutput(() => downloadFileToCacheDir({ ...access, path, cacheDir })));
    } catch (cause) {
      throw networkError(`${id}: ${path}`, cause);
    }
  }
  return files;
}

function chooseFiles(
  id: string,
  { paths, options }: { paths: readonly string[]; options: HubOptions },
): string[] {
  const { split, subset } = options;
  const rows = paths.filter((path) => rowKindOfName(path) !== undefined);
  const own = subset === undefined ? rows : rows.filter((path) => path.split("/").includes(subset));
  const { files, splits } = filesOfSplit(own, split);
  if (files.length > 0) return files;
  const folders = [...new Set(rows.map((path) => path.split("/")[0] ?? ""))];
  throw new AttuneError("data", {
    where: id,
    expected:
      own.length > 0
        ? `a split named ${split}`
        : `data files${subset === undefined ? "" : ` under ${subset}`}`,
    got:
      own.length > 0
        ? `splits ${splits.join(", ")}`
        : rows.length > 0
          ? `folders ${folders.join(", ")}`
          : "none that can be read",
    fix:
      rows.length > 0
        ? "name one of these"
        : "data sets that need a loading script are not run; look for a Parquet version",
  });
}

function cachedSnapshot(folder: string, revision: string): string | undefined {
  const reference = join(folder, "refs", revision);
  const commit = existsSync(reference) ? readFileSync(reference, "utf8").trim() : revision;
  const snapshot = join(folder, "snapshots", commit);
  return existsSync(snapshot) ? snapshot : undefined;
}

/** The hub's library reports downloads through console.debug, which Node prints to stdout among the answers. */
async function withoutDebugOutput<T>(work: () => Promise<T>): Promise<T> {
  const output = globalThis.console;
  const { debug } = output;
  output.debug = () => undefined;
  try {
    return await work();
  } finally {
    output.debug = debug;
  }
}

function networkError(where: string, cause: unknown): AttuneError {
  const status = (cause as { statusCode?: number } | null)?.statusCode;
  const inner = cause instanceof Error && cause.cause instanceof Error ? `: ${cause.cause.message}` : "";
  const got = `${cause instanceof Error ? cause.message : String(cause)}${inner}`;
  let fix = "check the network and proxy, or give a local file or folder";
  if (status === 401 || status === 403)
    fix = "the data set may be private or gated: set HF_TOKEN, and accept its terms on the hub";
  if (status === 404) fix = "check the spelling, owner/name; a local path must exist";
  return new AttuneError("network", {
    where,
    expected: "a data set on the Hugging Face hub",
    got,
    fix,
    cause,
  });
}
