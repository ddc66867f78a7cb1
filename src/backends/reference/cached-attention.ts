/**
 * Attention with a cache, with the meaning of ONNX Runtime's GroupQueryAttention without rotary embedding. Outputs and
 * cache entries of padding (beyond `last`) are undefined by the contract; here outputs are 0 and entries unchanged.
 */
import { AttuneError } from "../../errors.js";
import { logSumExp } from "./neural.js";
import { allocate, type Data, type KernelTable, type Value } from "./value.js";

interface Layout {
  row: number;
  /** Index of the query in its step, and of its entry in the cache. */
  step: number;
  position: number;
}

export const CACHED_ATTENTION: Pick<KernelTable, "cachedAttention"> = {
  cachedAttention: (inputs, attrs, types) => {
    const [q, k, v, pastK, pastV, last] = inputs as [Value, Value, Value, Value, Value, Value];
    const output = allocate(types[0]!);
    const keys = pastK.data.slice();
    const values = pastV.data.slice();
    const [rows, steps] = q.shape as [number, number];
    const capacity = pastK.shape[2]!;
    const d = pastK.shape[3]!;
    for (let row = 0; row < rows; row++) {
      const newest = last.data[row]!;
      if (newest < 0 || newest >= capacity) {
        throw new AttuneError("backend", {
          where: "reference.cachedAttention",
          expected: `a last entry from 0 to ${capacity - 1}`,
          got: String(newest),
        });
      }
      for (let step = 0; step < steps; step++) {
        // A prompt fills the cache from its start; a single step adds the newest entry.
        const position = steps > 1 ? step : newest;
        if (position > newest) continue;
        for (let head = 0; head < attrs.kvHeads; head++) {
          const from = ((row * steps + step) * attrs.kvHeads + head) * d;
          const to = ((row * attrs.kvHeads + head) * capacity + position) * d;
          keys.set(k.data.subarray(from, from + d), to);
          values.set(v.data.subarray(from, from + d), to);
        }
        const caches = { keys, values, capacity, d, steps };
        for (let head = 0; head < attrs.heads; head++) {
          attend(q.data, output, { row, step, position, head, ...caches, ...attrs });
        }
      }
    }
    return [output, keys, values];
  },
};

interface Head extends Layout {
  head: number;
  keys: Data;
  values: Data;
  capacity: number;
  d: number;
  steps: number;
  heads: number;
  kvHeads: number;
  scale: number;
  window: number;
  softcap: number;
}

/** One query of one head over the entries it sees: itself and those before, at most `window` in all. */
function attend(q: Data, output: Data, h: Head): void {
  const own = ((h.row * h.steps + h.step) * h.heads + h.head) * h.d;
  const kvHead = Math.floor(h.head / (h.heads / h.kvHeads));
  const base = (h.row * h.kvHeads + kvHead) * h.capacity;
  const first = h.window > 0 ? Math.max(0, h.position - h.window + 1) : 0;
  const scores: number[] = [];
  for (let t = first; t <= h.position; t++) {
    let score = 0;
    for (let j = 0; j < h.d; j++) score += q[own + j]! * h.keys[(base + t) * h.d + j]!;
    score *= h.scale;
    scores.push(h.softcap > 0 ? h.softcap * Math.tanh(score / h.softcap) : score);
  }
  const norm = logSumExp(scores);
  scores.forEach((score, i) => {
    const weight = Math.exp(score - norm);
    for (let j = 0; j < h.d; j++) output[own + j]! += weight * h.values[(base + first + i) * h.d + j]!;
  });
}
