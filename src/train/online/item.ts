/**
 * What a rollout gives to train on: token ids and numbers, plain enough for a checkpoint, and how they become a batch.
 * Knows no method.
 */
import { type Batch, layoutBatch, roundToBucket } from "../../data/index.js";

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

export interface ItemLayout {
  /** Longest prompt and longest completion that can come: rows are as long, so that few graphs are made. */
  readonly maxPrompt: number;
  readonly maxCompletion: number;
  readonly counted?: OnlineBatch["counted"];
  readonly criticOnly?: boolean;
}

/** @throws AttuneError `data` for an empty completion */
export function layoutItems(items: readonly OnlineItem[], o: ItemLayout): OnlineBatch {
  const each = items[0]?.completions.length ?? 1;
  const batch = layoutBatch(
    items.map(({ id, prompt, completions, values }) => ({
      id,
      prompt,
      completions: completions.map((tokens) => ({ tokens })),
      ...(values && { values }),
    })),
    {
      length: roundToBucket(o.maxPrompt + each * o.maxCompletion),
      width: roundToBucket(o.maxCompletion),
      buckets: { stepsPerOctave: 2 },
    },
  );
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
