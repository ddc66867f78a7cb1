/**
 * Attention of packed rows: causal, each token sees its own segment and its parent's (its prompt), within the layer's
 * window. Worked block by block (see `attention-plan.ts`); the probabilities are made again in the backward pass.
 */
import {
  add,
  and,
  block,
  concat,
  constant,
  div,
  equal,
  less,
  matmul,
  mul,
  not,
  or,
  reshape,
  softmax,
  split,
  sub,
  tanh,
  type Tensor,
  transpose,
  where,
} from "../../tensor/index.js";
import type { AttentionPlan } from "./attention-plan.js";

export interface TokenInputs {
  /** All int32 [rows, length]; see `data/batch.ts`. */
  readonly inputIds: Tensor;
  readonly positions: Tensor;
  readonly segments: Tensor;
  readonly parents: Tensor;
}

export interface AttentionSettings {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  readonly softcap: number | null;
  readonly recompute: boolean;
}

/** Additive masks of one window size: [rows, 1, queries, keys] for each block of the plan. */
export type AttentionMasks = readonly Tensor[];

const HIDDEN = -1e30;

export function attentionMasks(
  tokens: TokenInputs,
  plan: AttentionPlan,
  window: number | null,
): AttentionMasks {
  const [rows, length] = tokens.segments.shape as [number, number];
  const segments = split(tokens.segments, 1, plan.sizes);
  const parents = split(tokens.parents, 1, plan.sizes);
  const positions = split(tokens.positions, 1, plan.sizes);
  const indices = split(
    constant(
      Array.from({ length }, (_, i) => i),
      [1, length],
      "int32",
    ),
    1,
    plan.sizes,
  );
  return plan.queries.map(({ start, end, keys }, q) => {
    const m = end - start;
    const n = keys.reduce((total, k) => total + plan.sizes[k]!, 0);
    const at = (parts: readonly Tensor[]): Tensor =>
      concat(
        keys.map((k) => parts[k]!),
        1,
      );
    const query = (t: Tensor): Tensor => reshape(t, [t.shape[0]!, m, 1]);
    const key = (t: Tensor): Tensor => reshape(t, [t.shape[0]!, 1, n]);
    const other = key(at(segments));
    const related = or(equal(query(segments[q]!), other), equal(query(parents[q]!), other));
    const past = not(less(query(indices[q]!), key(at(indices))));
    let allowed = and(related, past);
    if (window !== null) {
      const distance = sub(query(positions[q]!), key(at(positions)));
      allowed = and(allowed, less(distance, constant(window, [], "int32")));
    }
    return reshape(where(allowed, constant(0), constant(HIDDEN)), [rows, 1, m, n]);
  });
}

/** q [rows, length, heads * d], k and v [rows, length, kvHeads * d] -> [rows * length, heads * d]. */
export function attention(
  qkv: { q: Tensor; k: Tensor; v: Tensor },
  masks: AttentionMasks,
  { plan, ...settings }: AttentionSettings & { plan: AttentionPlan },
): Tensor {
  const { heads, kvHeads, headDim } = settings;
  const [rows, length] = qkv.q.shape as [number, number];
  const byHead = (t: Tensor, n: number): Tensor[] =>
    split(transpose(reshape(t, [rows, length, n, headDim]), [0, 2, 1, 3]), 2, plan.sizes);
  const queries = byHead(qkv.q, heads); // each [rows, heads, size, d]
  const keys = byHead(qkv.k, kvHeads);
  const values = byHead(qkv.v, kvHeads);
  const outputs = plan.queries.map((own, i) => {
    const count = own.keys.length;
    const body = ([q, ...seen]: readonly Tensor[]): Tensor[] => {
      const kv = { k: concat(seen.slice(0, count), 2), v: concat(seen.slice(count), 2) };
      return [attend(q!, { ...kv, mask: masks[i]! }, settings)];
    };
    const seen = [...own.keys.map((j) => keys[j]!), ...own.keys.map((j) => values[j]!)];
    return block([queries[i]!, ...seen], body, { recompute: settings.recompute })[0]!;
  });
  return reshape(transpose(concat(outputs, 2), [0, 2, 1, 3]), [rows * length, heads * headDim]);
}

/** softmax(scale q k^T + mask) v. Query heads that share a key head are stacked, so keys are never repeated. */
function attend(q: Tensor, kv: { k: Tensor; v: Tensor; mask: Tensor }, o: AttentionSettings): Tensor {
  const [rows, , m, d] = q.shape as [number, number, number, number];
  const n = kv.k.shape[2]!;
  const group = o.heads / o.kvHeads;
  const stacked = reshape(q, [rows, o.kvHeads, group * m, d]);
  let scores = matmul(stacked, kv.k, { transB: true, alpha: o.scale });
  if (o.softcap !== null) scores = mul(tanh(div(scores, o.softcap)), o.softcap);
  const shaped = reshape(scores, [rows, o.heads, m, n]);
  const p = softmax(add(shaped, kv.mask));
  return reshape(matmul(reshape(p, [rows, o.kvHeads, group * m, n]), kv.v), [rows, o.heads, m, d]);
}
