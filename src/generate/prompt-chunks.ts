/** Which prompts are read in one run: each once, with others of like length, within a number of tokens. */
import { promptBucket, rowBucket } from "./buckets.js";
import type { Sequence } from "./sequence.js";

/** Rows that share a prompt, and the distribution of its next token. */
export type PromptGroup = readonly Sequence[];

export interface ChunkLimits {
  /** Padded tokens of one run; one prompt may exceed it. */
  readonly prefillTokens: number;
  readonly maxRows: number;
}

/** Groups by prompt (the same array) and temperature, shortest first, cut into runs. */
export function promptChunks(sequences: readonly Sequence[], limits: ChunkLimits): PromptGroup[][] {
  const chunks: PromptGroup[][] = [];
  for (const group of byPrompt(sequences)) {
    const chunk = chunks.at(-1);
    const rows = rowBucket((chunk?.length ?? 0) + 1, limits.maxRows);
    const fits =
      chunk !== undefined &&
      chunk.length < limits.maxRows &&
      rows * promptBucket(group[0]!.prompt.length) <= limits.prefillTokens;
    if (fits) chunk.push(group);
    else chunks.push([group]);
  }
  return chunks;
}

/** Padded length of a run: its last prompt is its longest. */
export const chunkLength = (chunk: readonly PromptGroup[]): number =>
  promptBucket(chunk.at(-1)![0]!.prompt.length);

function byPrompt(sequences: readonly Sequence[]): PromptGroup[] {
  const groups = new Map<readonly number[], Map<number, Sequence[]>>();
  for (const sequence of sequences) {
    const { prompt, sampling } = sequence;
    const own = groups.get(prompt) ?? new Map<number, Sequence[]>();
    groups.set(prompt, own);
    own.set(sampling.temperature, [...(own.get(sampling.temperature) ?? []), sequence]);
  }
  return [...groups.values()]
    .flatMap((own) => [...own.values()])
    .sort((a, b) => a[0]!.prompt.length - b[0]!.prompt.length);
}
