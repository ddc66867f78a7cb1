/** The rows of a run, training and evaluation, and how they form batches. Knows no loop. */
import { readFile } from "node:fs/promises";
import type { BatchPlanOptions, Example } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { ChatTemplate } from "../../text/index.js";
import { ioError } from "../../util/files.js";
import type { TrainingConfig } from "./config.js";
import type { OpenedPolicy } from "./open-policy.js";
import { type DataSummary, prepareData, type PreparedData, splitExamples } from "./prepare-data.js";

export interface ReadData {
  train: Example[];
  evaluation: Example[] | undefined;
  parts: { part: "data" | "eval_data"; data: DataSummary }[];
}

/** Reads `data`, and `eval_data` or a share of the prompts for evaluation. */
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
      quarantineStem: stem,
      signal,
    });
  const main = await prepareOne(s.data, { stem: "quarantine", split: s.data_split });
  requireRows(main, config);
  const parts: ReadData["parts"] = [{ part: "data", data: main.summary }];
  if (s.eval_data !== undefined) {
    const other = await prepareOne(s.eval_data, { stem: "quarantine-eval", split: s.eval_data_split });
    requireRows(other, config);
    return {
      train: main.examples,
      evaluation: other.examples,
      parts: [...parts, { part: "eval_data", data: other.summary }],
    };
  }
  if (s.eval_split === 0) return { train: main.examples, evaluation: undefined, parts };
  return { ...splitExamples(main, { share: s.eval_split, seed: s.seed }), parts };
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
  rows: { train: readonly Example[]; evaluation: readonly Example[] | undefined },
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
