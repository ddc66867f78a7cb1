/**
 * What a rollout gives to train on: token ids and numbers, plain enough for a checkpoint, and how they become a batch.
 * Knows no method.
 */
import { type Batch, type Example, layoutBatch, roundToBucket, samePrompt } from "../../data/index.js";

/** One answer, or the answers of one prompt that a loss compares. */
export interface OnlineItem {
  readonly id: string;
  readonly prompt: readonly number[];
  /** One, or two: chosen and rejected. None is empty. */
  readonly completions: readonly (readonly number[])[];
  /** Numbers of the item. */
  readonly values?: Readonly<Record<string, number>>;
  /** Numbers of every token of every completion. */
  readonly perToken?: Readonly<Record<string, readonly ArrayLike<number>[]>>;
}

export interface OnlineBatch extends Batch {
  /** By name, each [sequences, width]; 0 where there is no token. */
  readonly perToken: Readonly<Record<string, Float32Array>>;
  /** Rows and tokens that the loss is divided by: those of left-out rows that give no gradient too. */
  readonly counted: { readonly rows: number; readonly tokens: number };
  /** Only the critic learns. */
  readonly criticOnly: boolean;
  /** Texts beside the rows, for PPO-ptx. */
  readonly pretraining?: Batch | undefined;
}

/** Of a row that holds answers to several prompts. */
export interface RowSize {
  /** Tokens. */
  readonly length: number;
  /** Items. */
  readonly slots: number;
}

export interface ItemLayout {
  /** Longest prompt and longest completion that can come: rows are as long, so that few graphs are made. */
  readonly maxPrompt: number;
  readonly maxCompletion: number;
  /** Shortest prompt that can come, so much of a row is never a target; default 0. */
  readonly minPrompt?: number;
  /** All in one row of this size; default: rows as they are needed. */
  readonly row?: RowSize | undefined;
  readonly counted?: OnlineBatch["counted"];
  readonly criticOnly?: boolean;
}

/** @throws AttuneError `data` for an empty completion */
export function layoutItems(items: readonly OnlineItem[], o: ItemLayout): OnlineBatch {
  const each = items[0]?.completions.length ?? 1;
  const examples = items.map(({ id, prompt, completions, values }) => ({
    id,
    prompt,
    completions: completions.map((tokens) => ({ tokens })),
    ...(values && { values }),
  }));
  const batch = o.row ? oneRow(examples, { ...o, ...o.row }) : shareOrNot(examples, { ...o, each });
  const names = Object.keys(items[0]?.perToken ?? {});
  const perToken = Object.fromEntries(
    names.map((name) => {
      const all = new Float32Array(batch.sequences * batch.width);
      items.forEach((item, i) =>
        item.perToken![name]!.forEach((row, k) => all.set(row, (i * each + k) * batch.width)),
      );
      return [name, all];
    }),
  );
  const counted = o.counted ?? { rows: items.length, tokens: batch.trainedTokens };
  return { ...batch, perToken, counted, criticOnly: o.criticOnly ?? false };
}

function oneRow(examples: readonly Example[], { length, slots, maxCompletion }: RowSize & ItemLayout): Batch {
  return layoutBatch(examples, {
    runs: runsOf(examples),
    rows: 1,
    length,
    groups: slots,
    targets: length,
    width: roundToBucket(maxCompletion),
  });
}

type Sizes = ItemLayout & { readonly each: number };

/** Neighbours with one prompt store it once; without such, rows of one length. */
function shareOrNot(examples: readonly Example[], o: Sizes): Batch {
  const runs = runsOf(examples);
  const width = roundToBucket(o.maxCompletion);
  if (runs.every((count) => count === 1))
    return layoutBatch(examples, {
      length: roundToBucket(o.maxPrompt + o.each * o.maxCompletion),
      width,
      buckets: { stepsPerOctave: 2 },
    });
  const most = Math.max(...runs);
  const parts = Math.ceil((o.maxPrompt + most * o.each * o.maxCompletion) / longestRow);
  const options = {
    runs: runs.flatMap((count) => cut(count, parts)),
    width,
    buckets: { stepsPerOctave: 4 },
  };
  const { rows, length } = layoutBatch(examples, options);
  // As many targets as the row can hold: their number makes no further graph.
  return layoutBatch(examples, { ...options, rows, length, targets: rows * (length - (o.minPrompt ?? 0)) });
}

/** Attention costs by the square of a row's length: an eighth of a step at so many tokens and a small model's width. */
const longestRow = 2048;

function runsOf(examples: readonly Example[]): number[] {
  const runs: number[] = [];
  examples.forEach(({ prompt }, i) => {
    if (i > 0 && samePrompt(prompt, examples[i - 1]!.prompt)) runs[runs.length - 1]!++;
    else runs.push(1);
  });
  return runs;
}

/** A run in so many parts of like size. */
function cut(count: number, parts: number): number[] {
  const used = Math.min(count, parts);
  return Array.from(
    { length: used },
    (_, i) => Math.floor(((i + 1) * count) / used) - Math.floor((i * count) / used),
  );
}
