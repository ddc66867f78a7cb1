/** The lock file installs everywhere: it holds every platform's optional packages, and names no registry. */
import { describe, expect, it } from "vitest";
import { join } from "node:path";
import { readJson, repositoryRoot } from "./support/shared.js";

interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const { packages } = readJson<{ packages: Record<string, Locked> }>(
  join(repositoryRoot, "package-lock.json"),
);
const entries = Object.entries(packages);

/** Where Node would find `name` from the package at `path`, its own folder first. */
function finds(path: string, name: string): boolean {
  const parts = path === "" ? [] : path.split("/node_modules/");
  for (let depth = parts.length; depth >= 0; depth--) {
    const at = [...parts.slice(0, depth), name].join("/node_modules/");
    if ((at.startsWith("node_modules/") ? at : `node_modules/${at}`) in packages) return true;
  }
  return false;
}

describe("package-lock.json", () => {
  it("holds every dependency, those of other platforms too, or npm ci refuses it", () => {
    const missing = entries.flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !finds(path, name))
        .map((name) => `${name} of ${path || "attune"}`),
    );
    expect(missing).toEqual([]);
  });

  it("has a hash of every package and names no place to fetch it from", () => {
    const others = entries.filter(([path]) => path !== "");
    expect(others.filter(([, each]) => each.integrity === undefined).map(([path]) => path)).toEqual([]);
    expect(others.filter(([, each]) => each.resolved !== undefined).map(([path]) => path)).toEqual([]);
  });
});
