/** The rows of a run, training and evaluation, and how they form batches. Knows no loop. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BatchPlanOptions, Examples } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { ChatTemplate } from "../../text/index.js";
import { ioError } from "../../util/files.js";
import type { TrainingConfig } from "./config.js";
import type { OpenedPolicy } from "./open-policy.js";
import { type DataSummary, prepareData, type PreparedData } from "./prepare-data.js";
import { examplesName } from "./run-folder.js";
import { splitExamples } from "./split-examples.js";

export interface ReadData {
  train: Examples;
  evaluation: Examples | undefined;
  parts: { part: "data" | "eval_data"; data: DataSummary }[];
  /** SHA-256 of every file that was read, by path; empty without a folder. */
  hashes: Record<string, string>;
  /** Ends reading: examples cannot be asked for any more. */
  close(): void;
}

/**
 * Reads `data`, and `eval_data` or a share of the prompts for evaluation. With a folder the examples are kept under its
 * `examples/`, where a resumed run finds them.
 */
export async function readData(
  config: TrainingConfig,
  {
    opened,
    folder,
    signal,
  }: { opened: OpenedPolicy; folder: string | undefined; signal: AbortSignal | undefined },
): Promise<ReadData> {
  const s = config.settings;
  const template = s.chat_template === undefined ? undefined : await readTemplate(s.chat_template, opened);
  const prepareOne = (
    source: string,
    { stem, split }: { stem: string; split: string | undefined },
  ): Promise<PreparedData> =>
    prepareData({
      source,
      open: {
        ...(split && { split }),
        ...(s.data_subset && { subset: s.data_subset }),
        ...(s.data_format && { format: s.data_format }),
      },
      kind: config.entry.records,
      limit: s.max_rows,
      tokenizer: opened.tokenizer,
      template,
      completionOnly: config.completionOnly,
      assistantOnly: config.assistantOnly,
      maxLength: Math.min(s.max_length, opened.opened.model.config.maxPositions),
      truncation: s.truncation_mode,
      prefixBreaks: s.prefix_breaks,
      margins: config.entry.head === "sequence",
      goldColumn: config.goldColumn,
      quarantineFolder: folder,
      examplesFolder: folder && join(folder, examplesName),
      quarantineStem: stem,
      signal,
    });
  const open: PreparedData[] = [];
  const close = (): void => open.forEach(({ examples }) => examples.close());
  try {
    const main = await prepareOne(s.data, { stem: "quarantine", split: s.data_split });
    open.push(main);
    requireRows(main, config);
    const parts: ReadData["parts"] = [{ part: "data", data: main.summary }];
    const { hashes } = main;
    if (s.eval_data !== undefined) {
      const other = await prepareOne(s.eval_data, { stem: "quarantine-eval", split: s.eval_data_split });
      open.push(other);
      requireRows(other, config);
      return {
        train: main.examples,
        evaluation: other.examples,
        parts: [...parts, { part: "eval_data", data: other.summary }],
        hashes: { ...hashes, ...other.hashes },
        close,
      };
    }
    if (s.eval_split === 0) return { train: main.examples, evaluation: undefined, parts, hashes, close };
    return { ...splitExamples(main, { share: s.eval_split, seed: s.seed }), parts, hashes, close };
  } catch (cause) {
    close();
    throw cause;
  }
}

async function readTemplate(path: string, { tokenizer }: OpenedPolicy): Promise<ChatTemplate> {
  try {
    return new ChatTemplate(await readFile(path, "utf8"), {
      name: path,
      variables: tokenizer.templateVariables,
    });
  } catch (cause) {
    throw ioError(cause, { path, expected: "a file with a chat template" });
  }
}

function requireRows({ examples, summary }: PreparedData, { entry, lossType }: TrainingConfig): void {
  const { smallestBatch } = entry.losses[lossType]!;
  if (examples.length >= smallestBatch) return;
  const dropped = Object.entries(summary.truncation.dropped).filter(([, n]) => n > 0);
  throw new AttuneError("data", {
    where: summary.source,
    expected: `at least ${smallestBatch} rows to learn from`,
    got: `${examples.length}; left out: ${dropped.map(([reason, n]) => `${n} ${reason}`).join(", ") || "none"}`,
    fix: "raise max_length or choose another truncation_mode; attune inspect shows the rows",
  });
}

/** How batches are formed, in training and in evaluation. */
export function plansOf(
  { settings: s, entry, lossType }: TrainingConfig,
  rows: { train: Examples; evaluation: Examples | undefined },
) {
  const layout = { pack: s.packing };
  const smallest = entry.losses[lossType]!.smallestBatch;
  // A last batch that is too small for the method is left out; the order changes with the epoch, so other rows are next time.
  const dropLast = (n: number, size: number): boolean => smallest > 1 && n % size > 0 && n % size < smallest;
  const plan: BatchPlanOptions = {
    ...(s.max_tokens === undefined
      ? { perDeviceBatchSize: s.per_device_train_batch_size }
      : { maxTokens: s.max_tokens }),
    rows: layout,
    groupByLength: s.group_by_length,
    shuffle: s.shuffle,
    seed: s.seed,
    dropLast: dropLast(rows.train.length, s.per_device_train_batch_size),
  };
  const evaluationPlan: BatchPlanOptions = {
    perDeviceBatchSize: s.per_device_eval_batch_size,
    rows: layout,
    groupByLength: true,
    shuffle: false,
    dropLast: dropLast(rows.evaluation?.length ?? 0, s.per_device_eval_batch_size),
  };
  return { layout, plan, evaluationPlan };
}
