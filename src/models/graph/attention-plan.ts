/**
 * Which blocks of keys each block of queries can see, known before the graph is built, so that blocks nobody sees are
 * never computed: the future, other examples packed into the row, the sibling completion. Plain arrays, no tensors.
 */

export interface QueryBlock {
  readonly start: number;
  readonly end: number;
  /** Indices of the blocks of keys that some query of this block sees, ascending. */
  readonly keys: readonly number[];
}

export interface AttentionPlan {
  /** Sizes of the blocks, which partition the row. */
  readonly sizes: readonly number[];
  readonly queries: readonly QueryBlock[];
}

export interface RowLayout {
  rows: number;
  length: number;
  segments: Int32Array; // [rows, length]
  parents: Int32Array; // [rows, length]
}

export const attentionBlock = 128;

function blockSizes(length: number, size: number): number[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, i) => Math.min(size, length - i * size));
}

/** Every block sees itself and all before it: right for any causal layout. */
export function causalPlan(length: number, size: number = attentionBlock): AttentionPlan {
  const sizes = blockSizes(length, size);
  return {
    sizes,
    queries: sizes.map((n, i) => ({
      start: i * size,
      end: i * size + n,
      keys: sizes.slice(0, i + 1).map((_, k) => k),
    })),
  };
}

/** Keys computed, queries times keys: what a plan costs. */
export const planCost = ({ sizes, queries }: AttentionPlan): number =>
  queries.reduce((total, q) => total + (q.end - q.start) * q.keys.reduce((n, k) => n + sizes[k]!, 0), 0);

/** Whether every block that `inner` needs is in `outer`. */
export const planCovers = (outer: AttentionPlan, inner: AttentionPlan): boolean =>
  outer.sizes.join() === inner.sizes.join() &&
  inner.queries.every((q, i) => q.keys.every((k) => outer.queries[i]!.keys.includes(k)));

/** The blocks that a batch really needs: the union over its rows. */
export function planAttention(layout: RowLayout, size: number = attentionBlock): AttentionPlan {
  const { rows, length, segments, parents } = layout;
  const sizes = blockSizes(length, size);
  const count = sizes.length;
  const seen = new Uint8Array(count * count);
  for (let row = 0; row < rows; row++) {
    const held = sizes.map(
      (n, block) => new Set(segments.subarray(row * length + block * size, row * length + block * size + n)),
    );
    for (let q = 0; q < count; q++) {
      const wanted = new Set<number>(held[q]);
      for (let i = q * size; i < q * size + sizes[q]!; i++) wanted.add(parents[row * length + i]!);
      wanted.delete(0);
      for (let k = 0; k <= q; k++) {
        // A block always sees itself: rows of padding need something to look at.
        if (k === q || [...wanted].some((segment) => held[k]!.has(segment))) seen[q * count + k] = 1;
      }
    }
  }
  const queries = sizes.map((n, q) => ({
    start: q * size,
    end: q * size + n,
    keys: sizes.flatMap((_, k) => (seen[q * count + k] ? [k] : [])),
  }));
  return { sizes, queries };
}
