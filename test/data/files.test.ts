import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  ioError,
  openAtomic,
  sha256,
  sha256File,
  writeFileAtomic,
  writeFolderAtomic,
} from "../../src/util/files.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("atomic files", () => {
  test("appear whole, replace the old one, and leave nothing beside it", async () => {
    const path = join(folder, "deep", "a.txt");
    await writeFileAtomic(path, "one");
    await writeFileAtomic(path, new Uint8Array([0x74, 0x77, 0x6f]));
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(readdirSync(join(folder, "deep"))).toEqual(["a.txt"]);
    expect(await sha256File(path)).toBe(sha256("two"));
  });

  test("keep the old content until commit, and for ever after abort", async () => {
    const path = join(folder, "a.txt");
    writeFileSync(path, "old");
    const file = await openAtomic(path);
    await file.write("new");
    expect(readFileSync(path, "utf8")).toBe("old");
    await file.abort();
    expect(readdirSync(folder)).toEqual(["a.txt"]);
  });

  test("fail with the path and the mend when they cannot be written", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(writeFileAtomic(join(folder, "file", "x"), "y")).rejects.toMatchObject({ code: "io" });
    const full = ioError(Object.assign(new Error("x"), { code: "ENOSPC" }), {
      path: "/p",
      expected: "a file",
    });
    expect(full.message).toBe(
      "/p: expected a file, got no space left on the disk\n  fix: free some space or choose another folder",
    );
    expect(ioError({ code: "EROFS" }, { path: "/p", expected: "a file" }).got).toBe(
      "a read-only file system",
    );
  });
});

describe("atomic folders", () => {
  test("appear whole or not at all", async () => {
    const path = join(folder, "checkpoint");
    await writeFolderAtomic(path, (partial) => writeFileAtomic(join(partial, "a"), "1"));
    expect(readdirSync(path)).toEqual(["a"]);
    await expect(writeFolderAtomic(path, async () => undefined)).rejects.toMatchObject({ code: "io" });
    await writeFolderAtomic(path, (partial) => writeFileAtomic(join(partial, "b"), "1"), { replace: true });
    expect(readdirSync(path)).toEqual(["b"]);
    const failure = new Error("mine");
    await expect(writeFolderAtomic(join(folder, "other"), () => Promise.reject(failure))).rejects.toBe(
      failure,
    );
    expect(readdirSync(folder)).toEqual(["checkpoint"]);
  });
});
