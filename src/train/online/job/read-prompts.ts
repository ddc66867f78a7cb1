/** The prompts of a run, and where they are asked for the demonstrations beside them. Knows no tokens. */
import { join } from "node:path";
import { type DatasetOptions, openDataset } from "../../../data/index.js";
import { AttuneError } from "../../../errors.js";
import type { RewardItem } from "../../../rewards/index.js";
import type { Text } from "../../../records/index.js";
import { sha256File } from "../../../util/files.js";
import type { OnlinePrompt } from "../prompts.js";
import type { OnlineTrainingConfig } from "./settings.js";

export interface ReadPrompts {
  readonly prompts: readonly OnlinePrompt[];
  /** One hash of the files and of what was taken from them. */
  readonly hash: string;
  /** In words, for the terminal. */
  readonly notes: readonly string[];
  readonly counts: { readonly rows: number; readonly bad: number; readonly repeated: number };
}

/**
 * Every prompt once, unless its other columns differ; the answers of pairs and votes are not looked at.
 * @throws AttuneError `data` for a file that is none, or without prompts (demonstrations)
 */
export async function readPrompts(
  { entry, settings: s }: OnlineTrainingConfig,
  { folder, signal }: { folder: string; signal: AbortSignal | undefined },
): Promise<ReadPrompts> {
  const open: DatasetOptions = {
    quarantine: join(folder, "quarantine.jsonl"),
    ...(s.data_split && { split: s.data_split }),
    ...(s.data_subset && { subset: s.data_subset }),
    ...(s.data_format && { format: s.data_format }),
    ...(s.max_rows !== undefined && { limit: s.max_rows }),
  };
  const found = new Map<string, OnlinePrompt>();
  let records = 0;
  const add = (row: OnlinePrompt): void => {
    if (signal?.aborted) throw interrupted(s.data);
    records += 1;
    // The row's own name leads: several rows may have one prompt and different right answers.
    const key = JSON.stringify([row.prompt, row.answer, row.columns]);
    if (!found.has(key)) found.set(key, row);
  };
  const dataset = entry.demonstrations
    ? await openDataset(s.data, { ...open, kind: "demonstration" })
    : await openDataset(s.data, { ...open, kind: "prompt" });
  for await (const record of dataset.records()) add(promptOf(record));
  const { report } = dataset;
  if (found.size === 0) {
    throw new AttuneError("data", { where: s.data, expected: "at least one prompt", got: "none" });
  }
  const hashes = await Promise.all(dataset.files.map(({ file }) => sha256File(file)));
  const bad = report.bad;
  const repeated = records - found.size;
  const notes = [
    `data ${s.data}: ${[...new Set(dataset.files.map(({ title }) => title))].join("; ")}; ${dataset.conversions.join("; ")}`,
    `  ${found.size} prompts${repeated > 0 ? `, ${repeated} rows repeat one` : ""}${bad > 0 ? `, ${bad} bad rows in the quarantine file` : ""}`,
  ];
  return {
    prompts: [...found.values()],
    hash: hashes.join(" "),
    notes,
    counts: { rows: report.rows, bad, repeated },
  };
}

/** Demonstrations as rewards take them. Throws `data` for rows without prompt and answer. */
export async function readAnswers(path: string): Promise<RewardItem[]> {
  const items: RewardItem[] = [];
  const dataset = await openDataset(path, { kind: "demonstration" });
  for await (const record of dataset.records()) {
    const { id, prompt, answer, columns } = promptOf(record);
    if (answer !== undefined) items.push({ id, prompt, completion: answer, ...(columns && { columns }) });
  }
  return items;
}

type Row = Readonly<Record<string, unknown>> & { id: string; extra?: Record<string, unknown> | undefined };

/** A conversation's last turn of the assistant is the demonstration, what goes before it the prompt. */
function promptOf(record: Row): OnlinePrompt {
  const { id, extra } = record;
  const columns = extra && { columns: extra };
  const messages = record["messages"] as Text | undefined;
  if (Array.isArray(messages)) {
    const at = messages.findLastIndex(({ role }) => role === "assistant");
    return { id, prompt: messages.slice(0, at), answer: messages.slice(at, at + 1), ...columns };
  }
  const prompt = record["prompt"] as Text | undefined;
  if (prompt === undefined) {
    throw new AttuneError("data", {
      where: id,
      expected: "a prompt and its demonstration",
      got: "a text without a prompt",
      fix: "give rows with prompt and completion, or messages",
    });
  }
  const answer = record["completion"] as Text | undefined;
  return { id, prompt, ...(answer !== undefined && { answer }), ...columns };
}

const interrupted = (where: string): AttuneError =>
  new AttuneError("interrupted", { where, expected: "to finish", got: "a request to stop" });
