/**
 * Which split each file of a data set folder belongs to, by the names that Hugging Face data sets use.
 * Knows paths only.
 */
const keywords: readonly (readonly [split: string, words: readonly string[]])[] = [
  ["validation", ["validation", "valid", "val", "dev"]],
  ["test", ["test", "testing", "eval", "evaluation"]],
  ["train", ["train", "training"]],
];

/** The split that a path names, e.g. `data/test_prefs-00000-of-00001.parquet` is `test_prefs`; else undefined. */
export function splitOfPath(path: string): string | undefined {
  const parts = path.replaceAll("\\", "/").toLowerCase().split("/");
  const file = parts.at(-1) ?? "";
  const sharded = /^(.+?)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?\./.exec(file);
  if (sharded?.[1] !== undefined) return sharded[1].split(".").at(-1);
  for (const part of parts.toReversed()) {
    const words = part.split(/[^a-z0-9]+/);
    for (const [split, own] of keywords) if (own.some((word) => words.includes(word))) return split;
  }
  return undefined;
}

/**
 * The files of one split. Without a wish: `train` where there is one, else all files. Gives the splits found, so
 * that an error can name them; `files` is empty when the split asked for is not there.
 */
export function filesOfSplit(
  paths: readonly string[],
  split?: string,
): { files: string[]; splits: string[] } {
  const bySplit = new Map<string, string[]>();
  for (const path of paths) {
    const name = splitOfPath(path) ?? "train";
    bySplit.set(name, [...(bySplit.get(name) ?? []), path]);
  }
  const splits = [...bySplit.keys()].sort();
  const wanted = split ?? (bySplit.has("train") ? "train" : undefined);
  const aliases = keywords.find(([name, words]) => name === wanted || words.includes(wanted ?? ""));
  const files =
    wanted === undefined ? [...paths] : (bySplit.get(wanted) ?? bySplit.get(aliases?.[0] ?? "") ?? []);
  return { files: files.toSorted(), splits };
}
