/** The package from outside: the example of docs/server.md as it stands there, in a process of its own. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../support/shared.js";

const built = existsSync(join(repositoryRoot, "dist", "server", "client.js"));
if (!built) process.stderr.write("skipped: dist is not built (npm run build)\n");

describe.skipIf(!built)("the package", () => {
  it("has a store, a server and a client that work as the documentation shows", async () => {
    const page = readFileSync(join(repositoryRoot, "docs", "server.md"), "utf8");
    const [, example] = /```ts\n([\s\S]*?)```/.exec(page)!;
    const folder = mkdtempSync(join(tmpdir(), "attune-package-"));
    try {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          "--input-type=module",
          "--eval",
          example!.replace('"attune-store"', JSON.stringify(join(folder, "store"))),
        ],
        { cwd: repositoryRoot },
      );
      expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{20,}\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
