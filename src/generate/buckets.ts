/** Sizes that generation rounds up to, so that a few graphs serve every request. Knows nothing of tokens. */

/** The smallest allowed size >= n: multiples of an octave's `steps`-th part, at least `minimum`. */
function roundUp(n: number, { steps, minimum }: { steps: number; minimum: number }): number {
  const wanted = Math.max(n, minimum);
  const octave = 2 ** Math.floor(Math.log2(wanted));
  const step = Math.max(1, octave / steps);
  return Math.ceil(wanted / step) * step;
}

/** Rows decoded together: powers of two, or the most that are allowed. */
export const rowBucket = (rows: number, most: number): number =>
  Math.min(most, roundUp(rows, { steps: 1, minimum: 1 }));

/** Padded length of prompts. A quarter of an octave: at most 25% is padding beyond 16 tokens. */
export const promptBucket = (tokens: number): number => roundUp(tokens, { steps: 4, minimum: 16 });

/** Tokens a cache has room for. Untouched room costs address space, not memory, so the steps are coarse. */
export const capacityBucket = (tokens: number): number => roundUp(tokens, { steps: 2, minimum: 64 });
