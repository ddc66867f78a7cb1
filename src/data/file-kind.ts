/**
 * Tells files of rows from everything else that lies in data and model folders, by name and first bytes.
 * Knows nothing of rows.
 */
import { basename } from "node:path";

import { AttuneError } from "../errors.js";
import { firstBytes, isGzip } from "./bytes.js";

export type RowFileKind = "jsonl" | "json" | "csv" | "tsv" | "parquet" | "text";

export interface OtherFile {
  kind: "other";
  /** What it is, in words. */
  what: string;
  /** What to do, if it was meant as data. */
  fix: string;
}

const rowEndings: Readonly<Record<string, RowFileKind>> = {
  jsonl: "jsonl",
  ndjson: "jsonl",
  json: "json",
  csv: "csv",
  tsv: "tsv",
  parquet: "parquet",
  txt: "text",
};

const pickle = "pickle files can run code when opened; save the data as JSONL or Parquet";
const asRows = "give a .jsonl, .json, .csv, .tsv, .parquet or .txt file";
const unpack = "unpack it, or compress with gzip";

const otherEndings: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  arrow: ["an Arrow file of the datasets library", "in Python: load_from_disk(folder).to_parquet(file)"],
  safetensors: ["model weights (safetensors)", "give its folder as --model"],
  gguf: ["a GGUF model or vocabulary", asRows],
  jinja: ["a chat template (Jinja)", "give it as the chat template, not as data"],
  pkl: ["a pickle file", pickle],
  pickle: ["a pickle file", pickle],
  pt: ["a PyTorch pickle file", pickle],
  pth: ["a PyTorch pickle file", pickle],
  bin: ["a binary file (PyTorch weights, often a pickle)", pickle],
  npy: ["a NumPy array", asRows],
  npz: ["NumPy arrays", asRows],
  zip: ["a zip archive", unpack],
  zst: ["a Zstandard file", unpack],
  xz: ["an xz file", unpack],
  bz2: ["a bzip2 file", unpack],
  tar: ["a tar archive", "unpack it"],
  tgz: ["a tar archive", "unpack it"],
  xlsx: ["an Excel workbook", "save it as CSV (UTF-8)"],
  md: ["documentation", asRows],
  yaml: ["a YAML file", asRows],
  yml: ["a YAML file", asRows],
  toml: ["a TOML file", asRows],
  py: ["a Python script", "loading scripts are not run; give the data files themselves"],
  inp: ["texts of a llama.cpp tokenizer test", asRows],
  out: ["expected ids of a llama.cpp tokenizer test", asRows],
};

/** JSON files with a fixed place in model and data folders: settings, not rows. */
const settingNames: Readonly<Record<string, string>> = {
  "config.json": "a model's configuration (Hugging Face)",
  "generation_config.json": "generation settings (Hugging Face)",
  "tokenizer_config.json": "tokenizer settings (Hugging Face)",
  "special_tokens_map.json": "special tokens (Hugging Face)",
  "adapter_config.json": "an adapter's configuration (PEFT)",
  "trainer_state.json": "a trainer's state (transformers)",
  "dataset_dict.json": "a list of splits (datasets library, save_to_disk)",
  "state.json": "a data set's state (datasets library, save_to_disk)",
  "dataset_infos.json": "a data set's description (datasets library)",
};

/** The name without `.gz`, lower case. */
function plainName(file: string): string {
  return basename(file)
    .toLowerCase()
    .replace(/\.(gz|gzip)$/, "");
}

/** What the name alone says; undefined where it says nothing. */
export function rowKindOfName(file: string): RowFileKind | undefined {
  const name = plainName(file);
  if (name in settingNames || name === "dataset_info.json" || /^(license|readme|copying|notice)\b/.test(name))
    return undefined;
  if (/(^|[._-])tokenizer\.json$/.test(name) || name.endsWith(".index.json")) return undefined;
  return rowEndings[name.split(".").at(-1) ?? ""];
}

/** What a file is: a kind of row file, or something else in words. Looks at its first bytes. Throws `io`. */
export async function fileKind(file: string): Promise<RowFileKind | OtherFile> {
  const name = plainName(file);
  const setting = settingNames[name];
  if (setting !== undefined) return { kind: "other", what: setting, fix: asRows };
  if (/^(license|copying|notice)\b/.test(name)) return { kind: "other", what: "a licence", fix: asRows };
  if (/^readme\b/.test(name)) return { kind: "other", what: "documentation", fix: asRows };
  if (/(^|[._-])tokenizer\.json$/.test(name)) {
    return {
      kind: "other",
      what: "a tokenizer (Hugging Face tokenizer.json)",
      fix: "give its folder as --model",
    };
  }
  if (name.endsWith(".index.json"))
    return { kind: "other", what: "an index of weight shards", fix: "give its folder as --model" };
  const ending = name.split(".").at(-1) ?? "";
  const other = otherEndings[ending];
  if (other !== undefined) return { kind: "other", what: other[0], fix: other[1] };
  const byName = rowEndings[ending];
  if (await isGzip(file)) return byName ?? "jsonl";
  const start = await firstBytes(file, 16);
  if (start.subarray(0, 4).toString("latin1") === "PAR1") return "parquet";
  if (start.subarray(0, 4).toString("latin1") === "GGUF")
    return { kind: "other", what: "a GGUF model or vocabulary", fix: asRows };
  if (start[0] === 0x80 && (start[1] ?? 9) >= 2 && (start[1] ?? 9) <= 5)
    return { kind: "other", what: "a pickle file", fix: pickle };
  if (start.subarray(0, 2).toString("latin1") === "PK")
    return { kind: "other", what: "a zip archive", fix: unpack };
  if (byName !== undefined) return byName;
  const text = start.toString("utf8").trimStart();
  if (text.startsWith("[")) return "json";
  if (text.startsWith("{")) return "jsonl";
  return { kind: "other", what: "a file of no known kind", fix: asRows };
}

/** The kind of a file of rows. Anything else is a `data` error that names it. */
export async function requireRowFile(file: string): Promise<RowFileKind> {
  const kind = await fileKind(file);
  if (typeof kind === "string") return kind;
  throw new AttuneError("data", { where: file, expected: "a file of rows", got: kind.what, fix: kind.fix });
}
