/**
 * Finds the weights of a folder: one safetensors file, or an index of shards; pickle files are refused by name.
 * Knows nothing of architectures.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { AttuneError } from "../errors.js";
import { openSafetensors, type TensorEntry } from "./safetensors.js";

const pickleName = /(\.(bin|pt|pth|ckpt|pkl|pickle)|\.bin\.index\.json)$/;
const howToConvert =
  "a pickle file can run code when it is opened, so it is never read; convert it once in Python: " +
  "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(OUT, safe_serialization=True)";

/** Refuses pickle files (`pytorch_model.bin`, `.pt`, `.pth`, `.ckpt`, `adapter_model.bin`) by name. */
export function refusePickle(path: string): void {
  if (!pickleName.test(path)) return;
  throw new AttuneError("model", {
    where: path,
    expected: "a .safetensors file",
    got: "a pickle file",
    fix: howToConvert,
  });
}

/**
 * All tensors of a folder under the names in the files.
 * @param options.stem `model` (default) or `adapter_model`
 * @throws AttuneError `model` when there are only pickle files or none, a shard is missing, or index and shards disagree.
 */
export function openWeights(
  folder: string,
  { stem = "model" }: { stem?: string } = {},
): Map<string, TensorEntry> {
  const single = join(folder, `${stem}.safetensors`);
  if (existsSync(single)) return new Map(openSafetensors(single).tensors);
  const index = join(folder, `${stem}.safetensors.index.json`);
  if (existsSync(index)) return openShards(folder, index);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const pickle = names.find((name) => pickleName.test(name) && name !== "training_args.bin");
  if (pickle !== undefined) refusePickle(join(folder, pickle));
  throw new AttuneError("model", {
    where: folder,
    expected: `${basename(single)} or ${basename(index)}`,
    got: names.length === 0 ? "nothing" : names.slice(0, 10).join(", "),
  });
}

function openShards(folder: string, index: string): Map<string, TensorEntry> {
  const weightMap = readWeightMap(index);
  const tensors = new Map<string, TensorEntry>();
  const files = [...new Set(weightMap.values())].sort();
  const absent = files.filter((file) => !existsSync(join(folder, file)));
  if (absent.length > 0) {
    throw new AttuneError("model", {
      where: index,
      expected: `the ${files.length} shards it names`,
      got: `${absent.join(", ")} missing`,
      fix: "download or copy the missing shards into the folder",
    });
  }
  for (const file of files) {
    for (const [name, entry] of openSafetensors(join(folder, file)).tensors) {
      if (weightMap.get(name) !== file) {
        throw new AttuneError("model", {
          where: `${join(folder, file)}: tensor ${name}`,
          expected: `what ${basename(index)} says: ${weightMap.get(name) ?? "no such tensor"}`,
          got: `the tensor in ${file}`,
          fix: "shards of two different saves are mixed: fetch the folder again",
        });
      }
      tensors.set(name, entry);
    }
  }
  for (const [name, file] of weightMap) {
    if (tensors.has(name)) continue;
    throw new AttuneError("model", {
      where: join(folder, file),
      expected: `the tensor ${name}`,
      got: "a shard without it",
    });
  }
  return tensors;
}

function readWeightMap(index: string): Map<string, string> {
  const refuse = (got: string, cause?: unknown): never => {
    throw new AttuneError("model", {
      where: index,
      expected: "an index with a weight_map of file names",
      got,
      cause,
    });
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(index, "utf8"));
  } catch (cause) {
    return refuse(String(cause), cause);
  }
  const map: unknown =
    typeof parsed === "object" && parsed !== null && "weight_map" in parsed ? parsed.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    return refuse(`weight_map ${JSON.stringify(map)}`);
  const pairs = Object.entries(map as Record<string, unknown>);
  for (const [name, file] of pairs) {
    // A shard lies beside its index; anything else would read outside the folder.
    if (typeof file !== "string" || file !== basename(file) || !file.endsWith(".safetensors")) {
      if (typeof file === "string") refusePickle(file);
      refuse(`${name}: ${JSON.stringify(file)}`);
    }
  }
  return new Map(pairs as [string, string][]);
}
