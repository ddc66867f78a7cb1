/**
 * Lays examples out as a Batch, and reads a Batch back into examples. Knows nothing of text, files or losses;
 * what the arrays mean is written in `batch.ts`.
 */
import { AttuneError } from "../errors.js";
import type { Batch, Completion, Example } from "./batch.js";
import { type BucketOptions, maximumStepsPerOctave, roundToBucket } from "./buckets.js";
import { planRows, type RowOptions } from "./rows.js";

export interface LayoutOptions extends RowOptions {
  /** Store a group's prompt once (default true), or once before each completion, as a plain trainer would. */
  sharePrompt?: boolean;
  /**
   * How many neighbouring examples store the one prompt that they have together, run by run; default: 1 each. For groups whose
   * number of completions differs, such as the answers to a prompt that a loss learns from. Needs `sharePrompt`.
   */
  runs?: readonly number[];
  /** Exact number of group slots; default: the number of examples, rounded to a bucket. */
  groups?: number;
  /** Exact number of target slots; default: rounded to a bucket. */
  targets?: number;
  /** Exact width of the grid; default: the most trained tokens of a completion, rounded to a bucket. */
  width?: number;
}

/**
 * Sizes that cost little to pad take few values, because every combination of sizes is a graph: group slots and grid
 * widths double, targets have four steps an octave. Exact sizes (0 steps) stay exact.
 */
const atMost = (steps: number, buckets: BucketOptions = {}): BucketOptions => ({
  ...buckets,
  stepsPerOctave: Math.min(steps, buckets.stepsPerOctave ?? maximumStepsPerOctave),
});

/** Row lengths an example needs: one for a shared prompt, else one for each completion. */
export function unitLengths(example: Example, { sharePrompt = true } = {}): number[] {
  const prompt = example.prompt.length;
  if (!sharePrompt) return example.completions.map((completion) => prompt + completion.tokens.length);
  return [example.completions.reduce((sum, completion) => sum + completion.tokens.length, prompt)];
}

/** Whether the token ids are the same. */
export const samePrompt = (a: readonly number[], b: readonly number[]): boolean =>
  a === b || (a.length === b.length && a.every((token, i) => token === b[i]));

interface Units {
  /** Row length of each. */
  lengths: number[];
  /** Unit of each example's first completion, and whether the example begins it. */
  of: { unit: number; begins: boolean }[];
}

/** What is placed in rows as a whole. */
function unitsOf(examples: readonly Example[], { sharePrompt = true, runs }: LayoutOptions): Units {
  const units: Units = { lengths: [], of: [] };
  for (const count of runs ?? examples.map(() => 1)) {
    const start = units.of.length;
    const { prompt, id } = examples[start]!;
    for (let i = 0; i < count; i += 1) {
      const example = examples[start + i]!;
      const begins = i === 0 || !sharePrompt;
      if (!samePrompt(example.prompt, prompt))
        throw new AttuneError("config", {
          where: `layout: ${example.id}`,
          expected: `the prompt of ${id}`,
          got: "another",
        });
      const lengths = unitLengths(example, { sharePrompt });
      if (begins) units.lengths.push(...lengths);
      else units.lengths[units.lengths.length - 1]! += lengths[0]! - prompt.length;
      units.of.push({ unit: units.lengths.length - (begins ? lengths.length : 1), begins });
    }
  }
  return units;
}

/** Trained tokens of a completion. The first token of a prompt-less one has nothing before it to predict it. */
function isTrained(
  completion: Completion,
  { index, hasSource }: { index: number; hasSource: boolean },
): boolean {
  return (completion.mask === undefined || completion.mask[index] === 1) && (index > 0 || hasSource);
}

/** How many tokens of `completion` become targets; `promptLength` matters only when it is 0. */
export function countTrained(completion: Completion, promptLength: number): number {
  let count = 0;
  for (let index = 0; index < completion.tokens.length; index += 1) {
    if (isTrained(completion, { index, hasSource: promptLength > 0 })) count += 1;
  }
  return count;
}

function checkTokens(tokens: readonly number[], where: string): void {
  for (const token of tokens) {
    if (!Number.isInteger(token) || token < 0 || token > 0x7fffffff) {
      throw new AttuneError("data", {
        where,
        expected: "token ids (whole numbers >= 0)",
        got: String(token),
      });
    }
  }
}

function checkExamples(examples: readonly Example[]): { completionsPerGroup: number; names: string[] } {
  const [first] = examples;
  if (first === undefined) {
    throw new AttuneError("data", { where: "layout", expected: "at least one example", got: "none" });
  }
  const completionsPerGroup = first.completions.length;
  const names = Object.keys(first.values ?? {}).sort();
  for (const { id, prompt, completions, values } of examples) {
    if (completions.length !== completionsPerGroup || completions.length === 0) {
      throw new AttuneError("data", {
        where: id,
        expected: `${Math.max(1, completionsPerGroup)} completions, as in ${first.id}`,
        got: String(completions.length),
        fix: "every example of a batch has the same number of completions",
      });
    }
    checkTokens(prompt, `${id}: prompt`);
    completions.forEach(({ tokens, mask }, index) => {
      const where = `${id}: completion ${index}`;
      if (tokens.length === 0)
        throw new AttuneError("data", { where, expected: "at least one token", got: "none" });
      checkTokens(tokens, where);
      if (mask === undefined) return;
      if (mask.length !== tokens.length || mask.some((value) => value !== 0 && value !== 1)) {
        throw new AttuneError("data", {
          where: `${where}: mask`,
          expected: `${tokens.length} values, each 0 or 1`,
          got: mask.length === tokens.length ? "another value" : `${mask.length} values`,
        });
      }
    });
    const own = Object.keys(values ?? {}).sort();
    if (own.length !== names.length || own.some((name, index) => name !== names[index])) {
      throw new AttuneError("data", {
        where: `${id}: values`,
        expected: names.length === 0 ? `none, as in ${first.id}` : `${names.join(", ")}, as in ${first.id}`,
        got: own.length === 0 ? "none" : own.join(", "),
      });
    }
  }
  return { completionsPerGroup, names };
}

function exactSize(
  name: string,
  { needed, given, padded }: { needed: number; given?: number; padded: number },
): number {
  if (given === undefined) return padded;
  if (given < needed) {
    throw new AttuneError("config", {
      where: `layout: ${name}`,
      expected: `at least ${needed}`,
      got: String(given),
    });
  }
  return given;
}

/**
 * A Batch of `examples`, groups in their order. Sizes are rounded to buckets unless given, or exact with
 * `buckets: { stepsPerOctave: 0 }`. Throws `data` (naming the example) for groups that do not fit together,
 * an empty completion, a mask of another length; `config` for a given size that is too small.
 */
export function layoutBatch(examples: readonly Example[], options: LayoutOptions = {}): Batch {
  const { sharePrompt = true, buckets } = options;
  const { completionsPerGroup, names } = checkExamples(examples);
  const units = unitsOf(examples, options);
  const plan = planRows(units.lengths, options);
  const { rows, length } = plan;

  let needed = 0;
  let longest = 0;
  for (const { prompt, completions } of examples) {
    for (const completion of completions) {
      const trained = countTrained(completion, prompt.length);
      needed += trained;
      longest = Math.max(longest, trained);
    }
  }
  const groups = exactSize("groups", {
    needed: examples.length,
    given: options.groups,
    padded: roundToBucket(examples.length, atMost(1, buckets)),
  });
  const targets = exactSize("targets", {
    needed: Math.max(1, needed),
    given: options.targets,
    padded: roundToBucket(Math.max(1, needed), atMost(4, buckets)),
  });
  const width = exactSize("width", {
    needed: Math.max(1, longest),
    given: options.width,
    padded: roundToBucket(Math.max(1, longest), atMost(1, buckets)),
  });
  const sequences = groups * completionsPerGroup;

  const inputIds = new Int32Array(rows * length);
  const positions = new Int32Array(rows * length);
  const segments = new Int32Array(rows * length);
  const parents = new Int32Array(rows * length);
  const sources = new Int32Array(targets);
  const labels = new Int32Array(targets);
  const targetMask = new Float32Array(targets);
  const grid = new Int32Array(sequences * width);
  const gridMask = new Float32Array(sequences * width);
  const ends = new Int32Array(sequences);
  const sequenceMask = new Float32Array(sequences);
  const segmentsInRow = new Int32Array(rows);
  let target = 0;
  let tokens = 0;

  /** Writes a run of tokens with a new segment number; returns that number. */
  function write(
    run: readonly number[],
    { row, at, position, parent }: Record<"row" | "at" | "position" | "parent", number>,
  ): number {
    const segment = (segmentsInRow[row] as number) + 1;
    segmentsInRow[row] = segment;
    for (let index = 0; index < run.length; index += 1) {
      const cell = row * length + at + index;
      inputIds[cell] = run[index] as number;
      positions[cell] = position + index;
      segments[cell] = segment;
      parents[cell] = parent;
    }
    tokens += run.length;
    return segment;
  }

  let at = 0;
  let promptStart = 0;
  let promptSegment = 0;
  examples.forEach(({ prompt, completions }, group) => {
    const { unit: first, begins } = units.of[group]!;
    completions.forEach((completion, which) => {
      const unit = first + (sharePrompt ? 0 : which);
      const row = plan.row[unit] as number;
      if ((which === 0 && begins) || !sharePrompt) {
        promptStart = plan.offset[unit] as number;
        promptSegment =
          prompt.length === 0 ? 0 : write(prompt, { row, at: promptStart, position: 0, parent: 0 });
        at = promptStart + prompt.length;
      }
      write(completion.tokens, { row, at, position: prompt.length, parent: promptSegment });
      const sequence = group * completionsPerGroup + which;
      let trained = 0;
      for (let index = 0; index < completion.tokens.length; index += 1) {
        if (!isTrained(completion, { index, hasSource: prompt.length > 0 })) continue;
        // A completion's first token is predicted by the prompt's last, wherever in the row that lies.
        const source = index > 0 ? at + index - 1 : promptStart + prompt.length - 1;
        sources[target] = row * length + source;
        labels[target] = completion.tokens[index] as number;
        targetMask[target] = 1;
        grid[sequence * width + trained] = target;
        gridMask[sequence * width + trained] = 1;
        trained += 1;
        target += 1;
      }
      at += completion.tokens.length;
      ends[sequence] = row * length + at - 1;
      sequenceMask[sequence] = 1;
    });
  });

  const values: Record<string, Float32Array> = {};
  for (const name of names) {
    const column = new Float32Array(groups);
    examples.forEach((example, group) => (column[group] = example.values?.[name] ?? 0));
    values[name] = column;
  }
  return {
    rows,
    length,
    inputIds,
    positions,
    segments,
    parents,
    targets,
    sources,
    labels,
    targetMask,
    sequences,
    width,
    grid,
    gridMask,
    ends,
    sequenceMask,
    completionsPerGroup,
    groups,
    values,
    ids: examples.map((example) => example.id),
    tokens,
    trainedTokens: target,
  };
}

/**
 * The examples of a batch, masks written out (a prompt-less completion's first token shows as untrained).
 * The inverse of `layoutBatch`, for tests, `inspect` and the NaN report.
 */
export function unpackBatch(batch: Batch): Example[] {
  const { length, completionsPerGroup } = batch;
  return batch.ids.map((id, group) => {
    let prompt: number[] = [];
    const completions: { tokens: number[]; mask: number[] }[] = [];
    for (let which = 0; which < completionsPerGroup; which += 1) {
      const sequence = group * completionsPerGroup + which;
      const end = batch.ends[sequence] as number;
      const row = Math.floor(end / length);
      const cells = cellsOf(batch, { row, segment: batch.segments[end] as number });
      const promptCells = cellsOf(batch, { row, segment: batch.parents[end] as number });
      const start = cells[0] as number;
      prompt = promptCells.map((cell) => batch.inputIds[cell] as number);
      const mask = cells.map(() => 0);
      for (let slot = 0; slot < batch.width; slot += 1) {
        if (batch.gridMask[sequence * batch.width + slot] !== 1) continue;
        const source = batch.sources[batch.grid[sequence * batch.width + slot] as number] as number;
        mask[source === promptCells.at(-1) ? 0 : source + 1 - start] = 1;
      }
      completions.push({ tokens: cells.map((cell) => batch.inputIds[cell] as number), mask });
    }
    const values: Record<string, number> = {};
    for (const [name, column] of Object.entries(batch.values)) values[name] = column[group] as number;
    return Object.keys(values).length === 0
      ? { id, prompt, completions }
      : { id, prompt, completions, values };
  });
}

function cellsOf(batch: Batch, { row, segment }: { row: number; segment: number }): number[] {
  const cells: number[] = [];
  if (segment === 0) return cells;
  for (let cell = row * batch.length; cell < (row + 1) * batch.length; cell += 1) {
    if (batch.segments[cell] === segment) cells.push(cell);
  }
  return cells;
}

/** Share of `inputIds` that is padding, 0 to 1. */
export function paddingShare(batch: Pick<Batch, "rows" | "length" | "tokens">): number {
  return 1 - batch.tokens / (batch.rows * batch.length);
}
