/** How a rollout's rows become updates: passes, mini-batches, micro-batches. Knows no method. */
import { createRandom } from "../../util/random.js";
import { fillRows } from "./answer-rows.js";
import type { OnlineItem, RowSize } from "./item.js";

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
  /**
   * Micro-batches are rows of this size, answers to one prompt side by side in an update, so that it is read once. Default:
   * `size` rows each, as they come.
   */
  readonly row?: RowSize | undefined;
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
      const used =
        o.row && o.order === undefined ? rowsOf(drawn, rows, o.row) : microBatches(drawn, rows, o.size);
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

/** As many micro-batches as the tokens fill; rows left out are counted with the first. */
function rowsOf(drawn: readonly number[], rows: readonly Row[], row: RowSize): MicroBatch[] {
  const used = byPrompt(drawn, rows).filter((at) => rows[at]!.skip !== true);
  const counts = fillRows(
    used.map((at) => rows[at]!),
    row,
  );
  const left = countedOf(
    drawn.filter((at) => rows[at]!.skip === true),
    rows,
  );
  let start = 0;
  return counts.map((count, i) => {
    const items = used.slice(start, (start += count));
    const own = countedOf(items, rows);
    return { items, counted: i === 0 ? both(own, left) : own };
  });
}

type Counted = MicroBatch["counted"];

const countedOf = (list: readonly number[], rows: readonly Row[]): Counted => ({
  rows: list.length,
  tokens: list.reduce((n, row) => n + tokensOf(rows[row]!), 0),
});

const both = (a: Counted, b: Counted): Counted => ({ rows: a.rows + b.rows, tokens: a.tokens + b.tokens });

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
  const made: { items: number[]; counted: Counted }[] = [];
  let lost: Counted = { rows: 0, tokens: 0 };
  for (let at = 0; at < mini.length; at += size) {
    const part = mini.slice(at, at + size);
    const items = part.filter((row) => rows[row]!.skip !== true);
    const counted = countedOf(part, rows);
    if (items.length === 0) lost = both(lost, counted);
    else made.push({ items, counted });
  }
  const first = made[0];
  if (first) first.counted = both(first.counted, lost);
  return made;
}
