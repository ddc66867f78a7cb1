/** Versions of this package and of what its numbers depend on, for the record of a run. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";

/** This package's own version; sources and compiled files lie at the same depth. */
export function attuneVersion(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}

export function versions(): Record<string, string> {
  const manifest = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };
  return {
    attune: attuneVersion(),
    node: process.version,
    onnxruntime: manifest.version,
    platform: `${platform()}-${arch()}`,
  };
}
