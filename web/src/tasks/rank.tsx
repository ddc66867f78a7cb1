/** A ranking, best first, by keys and buttons; equal ranks are ties. */
import { hint, useKeys } from "../keys.js";
import { type FormProps, letter } from "./form.js";

/** Best first, by buttons and keys; equal ranks are ties. A digit ranks the answer of that number next. */
export function RankForm({ candidates, answer, onAnswer }: FormProps) {
  const order = answer.outcome?.type === "rank" ? answer.outcome.order : [];
  const ranked = order.flat();
  const set = (next: string[][]): void =>
    onAnswer({ outcome: { type: "rank", order: next.filter((tied) => tied.length > 0) } });
  const name = (id: string): string => letter(candidates.findIndex((each) => each.id === id));
  const add = (id: string | undefined): void => {
    if (id === undefined) return;
    set(ranked.includes(id) ? order.map((tied) => tied.filter((each) => each !== id)) : [...order, [id]]);
  };
  const move = (place: number, by: number): void => {
    const next = order.slice();
    const other = place + by;
    if (other < 0 || other >= next.length) return;
    [next[place], next[other]] = [next[other]!, next[place]!];
    set(next);
  };
  useKeys({
    digit: (key) => add(candidates[Number(key) - 1]?.id),
    tie: () => order.length > 1 && set([...order.slice(0, -2), [...order.at(-2)!, ...order.at(-1)!]]),
  });
  return (
    <div class="rank-form">
      <div class="row" role="group" aria-label="Rank next">
        {candidates.map(({ id }, k) => (
          <button
            key={id}
            type="button"
            class={ranked.includes(id) ? "chip on" : "chip"}
            aria-pressed={ranked.includes(id)}
            onClick={() => add(id)}
          >
            {letter(k)} <kbd>{k + 1}</kbd>
          </button>
        ))}
      </div>
      <ol class="ranking" aria-label="Ranking, best first">
        {order.map((tied, place) => (
          <li key={tied.join()}>
            <b>{tied.map(name).join(" = ")}</b>
            <button
              type="button"
              class="quiet"
              disabled={place === 0}
              onClick={() => move(place, -1)}
              aria-label={`Move ${tied.map(name).join(" and ")} up`}
            >
              ↑
            </button>
            <button
              type="button"
              class="quiet"
              disabled={place === order.length - 1}
              onClick={() => move(place, 1)}
              aria-label={`Move ${tied.map(name).join(" and ")} down`}
            >
              ↓
            </button>
            {place > 0 && (
              <button
                type="button"
                class="quiet"
                onClick={() =>
                  set([
                    ...order.slice(0, place - 1),
                    [...order[place - 1]!, ...tied],
                    ...order.slice(place + 1),
                  ])
                }
              >
                tie with above
              </button>
            )}
          </li>
        ))}
        {order.length === 0 && (
          <li class="muted">
            Press the number of the best answer, then of the next. {hint("tie")} ties the last two.
          </li>
        )}
      </ol>
    </div>
  );
}
