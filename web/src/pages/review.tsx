/** Review: the queue of items on which people differ or that somebody flagged, one on the screen at a time. */
import { useLayoutEffect, useState } from "preact/hooks";
import { call, type Project } from "../api.js";
import { hint, useKeys } from "../keys.js";
import { Show, usePages } from "../load.js";
import { Decision } from "./decision.js";

const queues = { disagreement: "People differ", flagged: "Skipped or flagged", all: "All" } as const;
type Which = keyof typeof queues;

export function Review({ project }: { project: Project }) {
  const [which, setWhich] = useState<Which>("disagreement");
  const [at, setAt] = useState(0);
  const queue = usePages(
    (after) =>
      call("review", { query: { which, limit: 20, after } }).then(({ items, ...rest }) => ({
        rows: items,
        ...rest,
      })),
    [which],
  );
  const rows = queue.value?.rows ?? [];
  const place = Math.max(0, Math.min(at, rows.length - 1));
  const more = queue.value?.after != null;
  const go = (by: number): void => {
    const next = place + by;
    if (next >= rows.length && more) queue.more();
    if (next >= 0 && (next < rows.length || more)) setAt(next);
    scrollTo(0, 0);
  };
  useKeys({ left: () => go(-1), right: () => go(1) });
  useLayoutEffect(() => setAt(0), [which]);
  return (
    <>
      <h1>Review</h1>
      <div class="row">
        <div class="row" role="group" aria-label="Which items">
          {(Object.keys(queues) as Which[]).map((each) => (
            <button
              key={each}
              type="button"
              class={each === which ? "chip on" : "chip"}
              aria-pressed={each === which}
              onClick={() => setWhich(each)}
            >
              {queues[each]}
            </button>
          ))}
        </div>
        {rows.length > 0 && (
          <div class="row pager">
            <button type="button" class="quiet" disabled={place === 0} onClick={() => go(-1)}>
              Before <kbd>{hint("left")}</kbd>
            </button>
            <span class="muted" role="status">
              {place + 1} of {rows.length}
              {more ? " or more" : ""}
            </span>
            <button
              type="button"
              class="quiet"
              disabled={place + 1 >= rows.length && !more}
              onClick={() => go(1)}
            >
              Next <kbd>{hint("right")}</kbd>
            </button>
          </div>
        )}
      </div>
      <Show of={queue}>
        {() => {
          const open = rows[place];
          return open === undefined ? (
            <p class="muted">Nothing to decide here.</p>
          ) : (
            <Decision key={open.item.id} of={open} project={project} onDone={queue.reload} keys />
          );
        }}
      </Show>
    </>
  );
}
