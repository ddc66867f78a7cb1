/** The import table of docs/architecture.md, executed: data flows one way through the folders. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "./support/shared.js";

const everything = "all";

/** What each folder of `src` may import besides itself, `errors` and `util`. */
const allowed: Record<string, readonly string[] | typeof everything> = {
  util: [],
  records: [],
  stats: [],
  tensor: [],
  text: [],
  backends: ["tensor"],
  optim: ["tensor"],
  losses: ["tensor"],
  data: ["records", "text", "tensor"],
  models: ["tensor", "text"],
  generate: ["models", "tensor", "text"],
  rewards: ["models", "generate", "text", "records", "tensor"],
  train: ["data", "losses", "optim", "models", "generate", "rewards", "tensor", "text", "records"],
  evaluate: ["models", "generate", "rewards", "data", "stats", "records", "text", "tensor"],
  store: ["records", "stats"],
  server: ["store", "stats", "generate", "models", "rewards", "records", "evaluate", "train"],
  launch: ["records", "data"],
  cli: everything,
};

/** Folders that must never load the native runtime. */
const withoutNative = ["stats", "records", "store"];

const src = join(repositoryRoot, "src");

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.name.endsWith(".ts") ? [path] : [];
  });
}

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import\(|import)\s*"([^"\n]+)"/g)].map((m) => m[1]!);

const folderOf = (file: string): string => {
  const parts = relative(src, file).split("/");
  return parts.length === 1 ? "." : parts[0]!;
};

const files = filesBelow(src);

describe("the import table", () => {
  it("names every folder of src", () => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((e) => e.isDirectory());
    expect(folders.map((e) => e.name).filter((name) => !(name in allowed))).toEqual([]);
  });

  it("is kept by every file", () => {
    const broken: string[] = [];
    for (const file of files) {
      const own = folderOf(file);
      const table = allowed[own];
      if (own === "." || table === undefined || table === everything) continue;
      for (const path of importsOf(file)) {
        if (!path.startsWith(".")) continue;
        const target = folderOf(resolve(dirname(file), path));
        const name = relative(src, resolve(dirname(file), path));
        if (target === own || target === "util" || name === "errors.js" || table.includes(target)) continue;
        broken.push(`${relative(src, file)} imports ${name}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it("keeps the native runtime out of the folders that must do without it", () => {
    const loaded = files
      .filter((file) => withoutNative.includes(folderOf(file)))
      .filter((file) => importsOf(file).some((path) => path === "onnxruntime-node" || path === "tokenizers"));
    expect(loaded.map((file) => relative(src, file))).toEqual([]);
  });

  it("keeps everything but zod out of the client, which runs in browsers", () => {
    const reached = new Set([join(src, "server", "client.ts")]);
    const packages = new Set<string>();
    for (const file of reached) {
      for (const path of importsOf(file)) {
        if (path.startsWith(".")) reached.add(resolve(dirname(file), path).replace(/\.js$/, ".ts"));
        else packages.add(path);
      }
    }
    expect([...packages]).toEqual(["zod"]);
  });

  it("lets only the ONNX Runtime backend load onnxruntime-node", () => {
    const loaded = files
      .filter((file) => importsOf(file).includes("onnxruntime-node"))
      .map((file) => relative(src, file));
    expect(loaded).toEqual(["backends/ort/worker.ts"]);
  });
});

describe("house rules", () => {
  it("no file is longer than 500 lines without saying why at its top", () => {
    const long = files.filter((file) => {
      const text = readFileSync(file, "utf8");
      return text.split("\n").length > 500 && !/^\/\*\*[\s\S]{0,600}long because/i.test(text);
    });
    expect(long.map((file) => relative(src, file))).toEqual([]);
  });

  it("every file begins by saying what it is", () => {
    const silent = files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(file, "utf8")));
    expect(silent.map((file) => relative(src, file))).toEqual([]);
  });
});
