/** Scores on one or several attributes. */
import { useLayoutEffect, useState } from "preact/hooks";
import { useKeys } from "../keys.js";
import { attributesOf } from "./attributes.js";
import { type FormProps, letter } from "./form.js";

/** A score for each answer and attribute. A digit scores the marked one and goes on; the step keys move the mark, to score anew. */
export function RateForm({ candidates, settings, answer, onAnswer }: FormProps) {
  const cells = attributesOf(settings).flatMap((attribute) =>
    candidates.map((candidate) => ({ attribute, candidate })),
  );
  const scores = answer.attributes ?? {};
  const open = cells.findIndex(
    ({ attribute, candidate }) => scores[attribute.name]?.[candidate.id] === undefined,
  );
  const [marked, setMarked] = useState<number | null>(null);
  useLayoutEffect(() => setMarked(null), [candidates]);
  const next = marked ?? open;
  const go = (by: number): void =>
    setMarked(Math.max(0, Math.min(cells.length - 1, (next === -1 ? cells.length : next) + by)));
  const set = (name: string, id: string, score: number): void => {
    const all = { ...scores, [name]: { ...scores[name], [id]: score } };
    const first = candidates[0]!.id;
    const own = Object.values(all).flatMap((each) => each[first] ?? []);
    onAnswer({
      attributes: all,
      ...(own.length > 0 && {
        outcome: { type: "rate", candidate: first, score: own.reduce((a, b) => a + b, 0) / own.length },
      }),
    });
  };
  useKeys({
    digit: (key) => {
      const cell = cells[next];
      if (cell === undefined || Number(key) > cell.attribute.max - cell.attribute.min + 1) return;
      set(cell.attribute.name, cell.candidate.id, cell.attribute.min + Number(key) - 1);
      setMarked(marked === null || marked + 1 >= cells.length ? null : marked + 1);
    },
    nextStep: () => go(1),
    previousStep: () => go(-1),
  });
  return (
    <div class="rate-form">
      {cells.map(({ attribute, candidate }, k) => (
        <fieldset key={k} class={`rating ${k === next ? "next" : ""}`}>
          <legend>
            {candidates.length > 1 && <b>{letter(candidates.indexOf(candidate))} </b>}
            {attribute.name}
          </legend>
          {Array.from({ length: attribute.max - attribute.min + 1 }, (_, n) => attribute.min + n).map(
            (score) => (
              <label
                key={score}
                class={scores[attribute.name]?.[candidate.id] === score ? "chip on" : "chip"}
              >
                <input
                  type="radio"
                  class="visually-hidden"
                  name={`${attribute.name}-${candidate.id}`}
                  checked={scores[attribute.name]?.[candidate.id] === score}
                  onChange={() => set(attribute.name, candidate.id, score)}
                />
                {score}
              </label>
            ),
          )}
        </fieldset>
      ))}
    </div>
  );
}
