/** Conformance cases of attention with a cache. */
import * as t from "../../../src/tensor/index.js";
import { at, type Case, cases, cells, type f32, i32, random, softmaxOf, total } from "../case.js";

const [heads, kvHeads, d, capacity] = [4, 2, 8, 6];
type Attrs = t.OpAttrs["cachedAttention"];
const plain: Attrs = { heads, kvHeads, scale: 0.4, window: 0, softcap: 0 };

/** `lengths`: valid entries of each row after the step. */
function step(
  title: string,
  { steps, lengths, attrs }: { steps: number; lengths: number[]; attrs: Attrs },
): Case {
  const rows = lengths.length;
  const q = random([rows, steps, heads * d], 1);
  const k = random([rows, steps, kvHeads * d], 2);
  const v = random([rows, steps, kvHeads * d], 3);
  const pastK = random([rows, kvHeads, capacity, d], 4);
  const pastV = random([rows, kvHeads, capacity, d], 5);
  const last = i32(
    [rows],
    lengths.map((n) => n - 1),
  );
  const totals = i32([1], [Math.max(...lengths)]);

  /** Place in the cache of a query, and entry of a cache after the step; undefined beyond the valid ones. */
  const place = (r: number, s: number): number => (steps > 1 ? s : lengths[r]! - 1);
  const entry =
    (fresh: ReturnType<typeof f32>, past: typeof fresh) => (r: number, h: number, p: number, j: number) => {
      if (p >= lengths[r]!) return Number.NaN;
      const s = steps > 1 ? p : p === place(r, 0) ? 0 : -1;
      return s >= 0 ? at(fresh, r, s, h * d + j) : at(past, r, h, p, j);
    };
  const key = entry(k, pastK);
  const value = entry(v, pastV);
  const output = (r: number, s: number, c: number): number => {
    const p = place(r, s);
    if (p >= lengths[r]!) return Number.NaN;
    const [h, j] = [Math.floor(c / d), c % d];
    const own = Math.floor((h * kvHeads) / heads);
    const seen = cells([p + 1], (e) => e!).filter((e) => attrs.window === 0 || p - e < attrs.window);
    const scores = seen.map((e) => {
      const score = attrs.scale * total(d, (l) => at(q, r, s, h * d + l) * key(r, own, e, l));
      return attrs.softcap === 0 ? score : attrs.softcap * Math.tanh(score / attrs.softcap);
    });
    const p_ = softmaxOf(scores);
    return total(seen.length, (i) => p_[i]! * value(r, own, seen[i]!, j));
  };
  return {
    title,
    feeds: { q, k, v, pastK, pastV, last, totals },
    build: (x) =>
      t.apply(
        "cachedAttention",
        ["q", "k", "v", "pastK", "pastV", "last", "totals"].map((name) => x[name]!),
        attrs,
      ),
    expected: [
      cells([rows, steps, heads * d], (r, s, c) => output(r!, s!, c!)),
      cells([rows, kvHeads, capacity, d], (r, h, p, j) => key(r!, h!, p!, j!)),
      cells([rows, kvHeads, capacity, d], (r, h, p, j) => value(r!, h!, p!, j!)),
    ],
  };
}

export const attention = cases({
  cachedAttention: [
    step("a prompt, right-padded", { steps: 4, lengths: [4, 2], attrs: plain }),
    step("a prompt with a window and a soft cap", {
      steps: 5,
      lengths: [3, 5],
      attrs: { ...plain, window: 2, softcap: 0.5 },
    }),
    step("one step at different places", { steps: 1, lengths: [3, 6], attrs: plain }),
    step("one step with a window", { steps: 1, lengths: [2, 5], attrs: { ...plain, window: 3 } }),
    step("one step with a window of one", { steps: 1, lengths: [4, 5], attrs: { ...plain, window: 1 } }),
    step("one step with a soft cap", { steps: 1, lengths: [5, 4], attrs: { ...plain, softcap: 0.5 } }),
    step("a prompt of one token", { steps: 1, lengths: [1, 1], attrs: plain }),
  ],
});
