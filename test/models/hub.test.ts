import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { resolveModel } from "../../src/models/index.js";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-hub-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const commit = "0123456789abcdef0123456789abcdef01234567";

/** A Hub of one repository, without a network. `asked` collects the files that were downloaded. */
function fakeHub(files: Record<string, string>, asked: string[] = []): typeof fetch {
  const json = (value: unknown): Response =>
    new Response(JSON.stringify(value), { headers: { "content-type": "application/json" } });
  const entry = (path: string) => ({
    type: "file",
    path,
    size: files[path]!.length,
    oid: `oid-${path}`,
    lastCommit: { id: commit, title: "", date: "2026-01-01" },
  });
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const path = decodeURIComponent(url.pathname);
    if (path.startsWith("/api/models/o/n/revision/")) return json({ _id: "1", id: "o/n", sha: commit });
    if (path.startsWith("/api/models/o/n/tree/")) return json(Object.keys(files).map(entry));
    if (path.startsWith("/api/models/o/n/paths-info/")) {
      const { paths } = JSON.parse(init!.body as string) as { paths: string[] };
      return json(paths.map(entry));
    }
    const name = /^\/o\/n\/resolve\/[^/]+\/(.+)$/.exec(path)?.[1];
    if (name === undefined || files[name] === undefined) return new Response("no", { status: 404 });
    if (!asked.includes(name)) asked.push(name);
    return new Response(files[name], {
      headers: { "content-range": `bytes 0-0/${files[name].length}`, etag: `"${name}"` },
    });
  };
}

describe("finding a model", () => {
  test("a local folder is itself, a file or a strange name is refused", async () => {
    expect(await resolveModel(scratch)).toBe(scratch);
    const file = join(scratch, "file");
    writeFileSync(file, "");
    await expect(resolveModel(file)).rejects.toThrow(/a model folder or a Hub id, got a file/);
    await expect(resolveModel("./no/such/folder")).rejects.toThrow(/existing folder, or a Hub id such as/);
  });

  test("offline, only the cache counts", async () => {
    const options = { offline: true, cacheDir: join(scratch, "cache") };
    await expect(resolveModel("o/n", options)).rejects.toThrow(expect.objectContaining({ code: "network" }));
    const storage = join(scratch, "cache", "models--o--n");
    mkdirSync(join(storage, "refs"), { recursive: true });
    mkdirSync(join(storage, "snapshots", commit), { recursive: true });
    writeFileSync(join(storage, "refs", "main"), commit);
    writeFileSync(join(storage, "snapshots", commit, "config.json"), "{}");
    expect(await resolveModel("o/n", options)).toBe(join(storage, "snapshots", commit));
    expect(await resolveModel(`o/n@${commit}`, options)).toBe(join(storage, "snapshots", commit));
    await expect(resolveModel("o/n@v2", options)).rejects.toThrow(/HF_HUB_OFFLINE/);
  });

  test("a download takes config, tokenizer and safetensors, leaves pickles and other frameworks, and is found offline after", async () => {
    const cacheDir = join(scratch, "downloads");
    const asked: string[] = [];
    const fetch = fakeHub(
      {
        "config.json": '{"a":1}',
        "model.safetensors": "weights",
        "tokenizer.json": "{}",
        "chat_template.jinja": "{{ x }}",
        "pytorch_model.bin": "pickle",
        "consolidated.safetensors": "double",
        "README.md": "text",
      },
      asked,
    );
    const seen: string[] = [];
    const folder = await resolveModel("o/n", {
      offline: false,
      cacheDir,
      fetch,
      onFile: (file) => seen.push(file),
    });
    const expected = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"];
    expect(asked.sort()).toEqual(expected);
    expect(seen.sort()).toEqual(expected);
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe('{"a":1}');
    expect(existsSync(join(folder, "pytorch_model.bin"))).toBe(false);
    expect(await resolveModel("o/n", { offline: true, cacheDir })).toBe(folder);
  });

  test("a repository of pickles is refused by name before anything is downloaded", async () => {
    const asked: string[] = [];
    const fetch = fakeHub({ "config.json": "{}", "pytorch_model.bin": "pickle" }, asked);
    const cacheDir = join(scratch, "pickles");
    await expect(resolveModel("o/n", { offline: false, cacheDir, fetch })).rejects.toThrow(
      /pytorch_model.bin.*pickle/s,
    );
    expect(asked).toEqual([]);
  });

  test("a network that fails says so, and what to do", async () => {
    const fetch = async (): Promise<Response> => {
      throw new Error("no route");
    };
    const failing = resolveModel("o/n", { offline: false, cacheDir: join(scratch, "none"), fetch });
    await expect(failing).rejects.toThrow(/existing local folder, or a download.*no route.*HF_TOKEN/s);
  });
});
