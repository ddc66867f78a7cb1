/** Where the golden numbers and the real data lie, and a reason to skip when they do not. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export const goldenRoot = resolve(root, process.env["ATTUNE_GOLDEN"] ?? "../shared/golden");
export const dataRoot = resolve(root, process.env["ATTUNE_DATA"] ?? "../shared/data");
export const repositoryRoot = root;

/** `undefined` when the path is there, else the reason to print beside a skipped test. */
export function missing(path: string): string | undefined {
  return existsSync(path) ? undefined : `${path} is not there`;
}

export const golden = (...parts: string[]): string => join(goldenRoot, ...parts);
export const data = (...parts: string[]): string => join(dataRoot, ...parts);

/** A golden checkpoint's config.json: the tests take sizes from it, for the folder may be of another seed. */
export const checkpointConfig = (name: string): Record<string, number> =>
  readJson(golden("models", "checkpoints", name, "config.json"));

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}
