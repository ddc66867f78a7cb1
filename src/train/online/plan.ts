/** How a rollout's rows become updates: passes, mini-batches, micro-batches. Knows no method. */
import { createRandom } from "../../util/random.js";
import type { OnlineItem } from "./item.js";

export interface MicroBatch {
  /** Indices of items. */
  readonly items: readonly number[];
  /** What the loss is divided by, left-out rows among them. */
  readonly counted: { readonly rows: number; readonly tokens: number };
}

export interface RolloutPlan {
  readonly micro: readonly MicroBatch[];
  /** Index behind the last micro-batch of every update. */
  readonly ends: readonly number[];
}

export interface PlanOptions {
  /** Rows of a micro-batch. */
  readonly size: number;
  /** Micro-batches of an update. */
  readonly accumulate: number;
  /** Updates of a pass, at most. */
  readonly miniBatches: number;
  readonly passes: number;
  readonly seed: number;
  readonly rollout: number;
  /** Answers to one prompt side by side in an update, so that their micro-batches read it once. */
  readonly together?: boolean;
  readonly order?: ((at: { rollout: number; pass: number; rows: number }) => readonly number[]) | undefined;
}

type Row = OnlineItem & { readonly skip?: boolean };

const tokensOf = ({ completions }: Row): number => completions.reduce((n, { length }) => n + length, 0);

/** Every pass shuffles anew; rows with `skip` are counted where they fall and not computed. */
export function planSteps(rows: readonly Row[], o: PlanOptions): RolloutPlan {
  const micro: MicroBatch[] = [];
  const ends: number[] = [];
  // A rollout that lost rows (ties, empty answers) is spread over as many updates as it fills.
  const updates = Math.max(1, Math.min(o.miniBatches, Math.ceil(rows.length / (o.size * o.accumulate))));
  const share = Math.ceil(rows.length / updates);
  for (let pass = 0; pass < o.passes; pass++) {
    const order =
      o.order?.({ rollout: o.rollout, pass, rows: rows.length }) ?? shuffled(rows.length, pass, o);
    for (let at = 0; at < order.length; at += share) {
      const drawn = order.slice(at, at + share);
      const mini = o.together === true && o.order === undefined ? byPrompt(drawn, rows) : drawn;
      const used = microBatches(mini, rows, o.size);
      if (used.length === 0) continue;
      micro.push(...used);
      ends.push(micro.length);
    }
  }
  return { micro, ends };
}

const shuffled = (count: number, pass: number, { seed, rollout }: PlanOptions): number[] =>
  createRandom(seed, { stream: `rollout/${rollout}/${pass}` }).shuffle(
    Array.from({ length: count }, (_, i) => i),
  );

/** Prompts in the order in which they first come, each with its answers. */
function byPrompt(mini: readonly number[], rows: readonly Row[]): number[] {
  const groups = new Map<string, number[]>();
  for (const row of mini) {
    const key = rows[row]!.prompt.join();
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].flat();
}

function microBatches(mini: readonly number[], rows: readonly Row[], size: number): MicroBatch[] {
  const made: { items: number[]; counted: { rows: number; tokens: number } }[] = [];
  let lost = { rows: 0, tokens: 0 };
  for (let at = 0; at < mini.length; at += size) {
    const part = mini.slice(at, at + size);
    const items = part.filter((row) => rows[row]!.skip !== true);
    const counted = {
      rows: part.length,
      tokens: part.reduce((n, row) => n + tokensOf(rows[row]!), 0),
    };
    if (items.length === 0) lost = { rows: lost.rows + counted.rows, tokens: lost.tokens + counted.tokens };
    else made.push({ items, counted });
  }
  const first = made[0];
  if (first)
    first.counted = {
      rows: first.counted.rows + lost.rows,
      tokens: first.counted.tokens + lost.tokens,
    };
  return made;
}
