/** The rows of a frontier: pairs to learn from, and prompts that no run has seen. Written once, so that a later call has the same. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { openDataset, promptKey, splitOfPrompt, writeJsonLines } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import type { Preference, Text } from "../../records/index.js";
import { sha256File } from "../../util/files.js";

export interface Asked {
  id: string;
  prompt: Text;
}

export interface FrontierData {
  /** File of the pairs to learn from, and its hash. */
  train: string;
  hash: string;
  pairs: number;
  /** Prompts of these pairs, each once: what online methods are asked. */
  asked: Asked[];
  /** Prompts to measure on. */
  held: Asked[];
}

export interface DataOptions {
  /** Pairs. */
  source: string;
  /** Prompts to measure on; undefined: a tenth of the source's prompts, which no run then learns from. */
  prompts: string | undefined;
  count: number;
  seed: number;
  folder: string;
}

/** @throws AttuneError `data` for rows that cannot be read, or where nothing is left on either side */
export async function frontierData(o: DataOptions): Promise<FrontierData> {
  const rows: Preference[] = [];
  for await (const row of (await openDataset(o.source, { kind: "preference" })).records()) rows.push(row);
  const side = (row: Preference): string =>
    o.prompts === undefined ? splitOfPrompt(promptKey(row), { seed: o.seed }) : "train";
  const train = rows.filter((row) => side(row) === "train");
  const held =
    o.prompts === undefined ? rows.filter((row) => side(row) === "test") : await readPrompts(o.prompts);
  const file = join(o.folder, "train.jsonl");
  const asked = { train: once(train), held: once(held).slice(0, o.count) };
  if (train.length === 0 || asked.held.length < 2) {
    throw new AttuneError("data", {
      where: o.source,
      expected: "pairs to learn from, and at least two prompts to measure on",
      got: `${train.length} pairs, ${asked.held.length} prompts`,
      fix: "give more pairs, or prompts of their own with --prompts",
    });
  }
  const plain = train.map(({ id, prompt, chosen, rejected, margin }) => ({
    id,
    prompt,
    chosen,
    rejected,
    ...(margin !== undefined && { margin }),
  }));
  const next = `${file}.new`;
  await writeJsonLines(existsSync(file) ? next : file, plain);
  const hash = await sha256File(existsSync(next) ? next : file);
  if (existsSync(next)) await refuseOther(file, { next, hash });
  return { train: file, hash, pairs: train.length, asked: asked.train, held: asked.held };
}

/** A folder belongs to one set of pairs: its runs are compared with each other. */
async function refuseOther(file: string, { next, hash }: { next: string; hash: string }): Promise<void> {
  await rm(next);
  if ((await sha256File(file)) === hash) return;
  throw new AttuneError("usage", {
    where: file,
    expected: "the pairs that this folder's runs learned from",
    got: "other ones",
    fix: "another --output for other data, another seed or other prompts",
  });
}

async function readPrompts(source: string): Promise<Asked[]> {
  const prompts: Asked[] = [];
  for await (const { id, prompt } of (await openDataset(source, { kind: "prompt" })).records())
    prompts.push({ id, prompt });
  return prompts;
}

function once(rows: readonly { id: string; prompt: Text }[]): Asked[] {
  const seen = new Map(rows.map(({ id, prompt }) => [JSON.stringify(prompt), { id, prompt }]));
  return [...seen.values()];
}
