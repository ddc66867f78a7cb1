/**
 * Examples in a fixed order, read by their number: an array is one, a file on disk is another, and so are views of either.
 * Trainers take this and never ask where the tokens lie. Knows no files.
 */
import { createHash } from "node:crypto";
import type { Example } from "./batch.js";
import { unitLengths } from "./layout.js";

/** Examples by number. `readonly Example[]` is one as it stands. */
export interface Examples {
  readonly length: number;
  /** The example, its tokens read now where they are not in memory; undefined outside 0..length-1. */
  at(index: number): Example | undefined;
  /** Tokens of the prompt, then of each completion, without reading the example. */
  sizes?(index: number): readonly number[];
  /** One hash of all tokens, masks, values and ids, where it is known without reading them. */
  readonly contentHash?: string;
}

/** Row lengths of every example, for `planBatches`; four bytes an example where prompts are shared. */
export interface RowLengths {
  readonly length: number;
  at(index: number): number | readonly number[] | undefined;
}

/** Tokens of the prompt, then of each completion. */
export function sizesOf(examples: Examples, index: number): readonly number[] {
  if (examples.sizes) return examples.sizes(index);
  const { prompt, completions } = requireExample(examples, index);
  return [prompt.length, ...completions.map(({ tokens }) => tokens.length)];
}

/** `unitLengths` of every example, without reading tokens where sizes are known. */
export function rowLengths(examples: Examples, { sharePrompt = true } = {}): RowLengths {
  if (!sharePrompt) {
    return {
      length: examples.length,
      at: (index) => {
        if (!examples.sizes) return unitLengths(requireExample(examples, index), { sharePrompt });
        const [prompt = 0, ...completions] = examples.sizes(index);
        return completions.map((length) => prompt + length);
      },
    };
  }
  const lengths = new Uint32Array(examples.length);
  for (let index = 0; index < lengths.length; index += 1)
    lengths[index] = sizesOf(examples, index).reduce((sum, length) => sum + length, 0);
  return lengths;
}

/** The examples of these numbers, in their order. */
export function selectExamples(examples: Examples, indices: ArrayLike<number>): Examples {
  const { sizes, contentHash } = examples;
  const place = (index: number): number => indices[index] ?? -1;
  return {
    length: indices.length,
    at: (index) => (index in indices ? examples.at(place(index)) : undefined),
    ...(sizes && { sizes: (index: number) => sizes.call(examples, place(index)) }),
    ...(contentHash !== undefined && {
      contentHash: hashOf(`select ${contentHash}`, Float64Array.from(indices)),
    }),
  };
}

/** The same examples with more numbers each, one list a name, as long as the examples. */
export function withValues(
  examples: Examples,
  columns: Readonly<Record<string, ArrayLike<number>>>,
): Examples {
  const { sizes, contentHash } = examples;
  const names = Object.keys(columns);
  return {
    length: examples.length,
    at(index) {
      const example = examples.at(index);
      if (example === undefined) return undefined;
      const values = Object.fromEntries(names.map((name) => [name, columns[name]![index] as number]));
      return { ...example, values: { ...example.values, ...values } };
    },
    ...(sizes && { sizes: (index: number) => sizes.call(examples, index) }),
    ...(contentHash !== undefined && {
      contentHash: names.reduce(
        (hash, name) => hashOf(`values ${hash} ${name}`, Float64Array.from(columns[name]!)),
        contentHash,
      ),
    }),
  };
}

/**
 * One hash of all tokens, masks, values and ids, in their order: the examples' own where they have it, else made by reading
 * every one. Equal examples in an array and in a file have different hashes.
 */
export function hashExamples(examples: Examples): string {
  if (examples.contentHash !== undefined) return examples.contentHash;
  const hash = createHash("sha256");
  for (let index = 0; index < examples.length; index += 1) {
    const { id, prompt, completions, values } = requireExample(examples, index);
    const sequences = completions.map(({ tokens, mask }) => [tokens, mask ?? 1]);
    hash.update(JSON.stringify([id, prompt, sequences, values ?? 0])).update("\n");
  }
  return hash.digest("hex");
}

function hashOf(title: string, numbers: Float64Array): string {
  return createHash("sha256").update(title).update(new Uint8Array(numbers.buffer)).digest("hex");
}

function requireExample(examples: Examples, index: number): Example {
  const example = examples.at(index);
  if (example === undefined) throw new RangeError(`example ${index} of ${examples.length}`);
  return example;
}
