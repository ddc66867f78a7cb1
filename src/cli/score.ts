/** `attune score`: a reward model's numbers for answers, and how often it agrees with people where there are pairs. */
import type { Examples, RecordKind } from "../data/index.js";
import { detectFile, requireFormat, resolveSource, sizesOf, writeJsonLines } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { sequenceRewards } from "../evaluate/index.js";
import type { Backend } from "../tensor/index.js";
import { wilsonInterval } from "../stats/index.js";
import { prepareData } from "../train/job/index.js";
import { flag, optionalText, optionalWhole, whole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { openEngine, openRunningModel, type RunningModel } from "./running-model.js";
import { counted, percent, short, table } from "./show.js";
import { accuracyText, dataLines } from "./watch-training.js";

const settings = {
  model: optionalText({
    doc: "Reward model: a folder, an adapter's folder, or a Hub id.",
    source: "required",
  }),
  data: optionalText({
    doc: "Rows with answers: pairs, prompt and completion, or votes.",
    source: "required",
  }),
  output: optionalText({ doc: "JSON Lines file for every row's scores.", source: "none" }),
  max_rows: optionalWhole({ min: 1, doc: "Score at most so many rows.", source: "all" }),
  max_length: whole(1024, {
    min: 2,
    doc: "Longer rows are left out and counted.",
    source: "TRL RewardConfig",
  }),
  batch_size: whole(8, { min: 1, doc: "Rows computed together.", source: "TRL per_device_eval_batch_size" }),
  load_in_8bit: flag(false, {
    doc: "Products with the model's matrices in 8 bits: a third of the weights' memory, about 1% error a product.",
    source: "TRL ModelConfig",
  }),
  threads: optionalWhole({ min: 1, doc: "Threads of the engine.", source: "the cores, at most 8" }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune score",
  about:
    "Scores answers with a reward model. With pairs it says how often the model prefers the answer that people chose, with a 95% interval.",
  positionals: [],
  examples: [
    "attune score --model runs/reward/model --data test-pairs.jsonl",
    "attune score --model runs/reward/model --data answers.jsonl --output scores.jsonl",
  ],
  sections: { Flags: settings },
};

interface ScoredRow {
  id: string;
  /** One a completion: chosen, rejected; or the one answer. */
  scores: number[];
}

export const run = defineRun({ help, settings }, async ({ values: s, io }) => {
  const model = needed(s.model, { help, what: "--model" });
  const data = needed(s.data, { help, what: "--data" });
  const kind = await kindOf(data);
  const backend = openEngine(s);
  try {
    const running = await openRunningModel(model, { backend });
    if (running.head !== "sequence") {
      throw new AttuneError("model", {
        where: model,
        expected: "a reward model (a scalar head on the last token)",
        got: `a model with the head "${running.head}"`,
        fix: "train one: attune train reward",
      });
    }
    const { examples, summary } = await prepareData({
      source: data,
      kind,
      limit: s.max_rows,
      tokenizer: running.tokenizer,
      completionOnly: true,
      assistantOnly: false,
      maxLength: Math.min(s.max_length, running.maxPositions),
      truncation: "drop",
      prefixBreaks: "move",
      margins: false,
    });
    io.err(`${dataLines(summary).join("\n")}\n`);
    const rows = await scoreAll(examples, { running, backend, batchSize: s.batch_size });
    examples.close();
    if (s.output !== undefined) await writeJsonLines(s.output, rows.map(shownRow));
    const result = summarise(rows);
    io.out(
      s.json
        ? JSON.stringify({
            ...result,
            ...(s.output === undefined ? { rows: rows.map(shownRow) } : { output: s.output }),
          })
        : asText(rows, result),
    );
    return exitCodes.ok;
  } finally {
    await backend.close();
  }
});

/** Pairs stay pairs; everything else with answers becomes prompt and completion. */
async function kindOf(source: string): Promise<RecordKind> {
  const [file] = await resolveSource(source);
  const { kind } = requireFormat(await detectFile(file!));
  return kind === "preference" || kind === "unpaired" ? kind : "demonstration";
}

/** By length, so that short rows are not padded to the longest; given back in their order. */
async function scoreAll(
  examples: Examples,
  { running, backend, batchSize }: { running: RunningModel; backend: Backend; batchSize: number },
): Promise<ScoredRow[]> {
  const sizes = Uint32Array.from({ length: examples.length }, (_, i) =>
    sizesOf(examples, i).reduce((sum, size) => sum + size, 0),
  );
  const order = Array.from(sizes.keys()).sort((a, b) => sizes[a]! - sizes[b]!);
  const rows: ScoredRow[] = [];
  const windowRows = 32 * batchSize;
  for (let at = 0; at < order.length; at += windowRows) {
    const numbers = order.slice(at, at + windowRows);
    const window = numbers.map((i) => examples.at(i)!);
    const scores = await sequenceRewards(window, { backend, model: running.model, batchSize });
    numbers.forEach((i, k) => (rows[i] = { id: window[k]!.id, scores: scores[k]! }));
  }
  return rows;
}

const isPair = ({ scores }: ScoredRow): boolean => scores.length === 2;

const shownRow = (row: ScoredRow): Record<string, string | number> =>
  isPair(row)
    ? {
        id: row.id,
        chosen: row.scores[0]!,
        rejected: row.scores[1]!,
        margin: row.scores[0]! - row.scores[1]!,
      }
    : { id: row.id, score: row.scores[0]! };

interface Summary {
  scored: number;
  /** Mean score of chosen and rejected answers, or of all. */
  means: number[];
  accuracy?: { correct: number; rows: number; value: number; low: number; high: number };
}

/** A tie counts as not accurate, as in training. */
function summarise(rows: readonly ScoredRow[]): Summary {
  const sides = rows[0]?.scores.length ?? 0;
  const means = Array.from(
    { length: sides },
    (_, k) => rows.reduce((sum, { scores }) => sum + scores[k]!, 0) / rows.length,
  );
  const pairs = rows.filter(isPair);
  if (pairs.length === 0) return { scored: rows.length, means };
  const correct = pairs.filter(({ scores }) => scores[0]! > scores[1]!).length;
  return {
    scored: rows.length,
    means,
    accuracy: {
      correct,
      rows: pairs.length,
      value: correct / pairs.length,
      ...wilsonInterval(correct, pairs.length),
    },
  };
}

function asText(rows: readonly ScoredRow[], { scored, means, accuracy }: Summary): string {
  const first = rows
    .slice(0, 5)
    .map((row) => [
      row.id,
      ...row.scores.map((x) => x.toFixed(4)),
      ...(isPair(row) ? [row.scores[0]! > row.scores[1]! ? "agrees" : "disagrees"] : []),
    ]);
  const head =
    first.length > 0
      ? [first[0]!.length > 2 ? ["row", "chosen", "rejected", ""] : ["row", "score"], ...first]
      : [];
  const lines = [table(head, { right: [1, 2] }), `${counted(scored, "row")} scored`];
  if (means.length > 0)
    lines.push(
      means.length === 2
        ? `mean score: chosen ${short(means[0]!)}, rejected ${short(means[1]!)}`
        : `mean score ${short(means[0]!)}`,
    );
  if (accuracy)
    lines.push(`${accuracyText({ metric: "accuracy", ...accuracy })}; ${percent(0.5, 0)} is chance`);
  return lines.join("\n");
}
