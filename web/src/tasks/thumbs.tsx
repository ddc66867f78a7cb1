/** One answer: good or bad. */
import { hint, useKeys } from "../keys.js";
import type { FormProps } from "./form.js";

export function ThumbsForm({ candidates, answer, onAnswer }: FormProps) {
  const { id } = candidates[0]!;
  const score = answer.outcome?.type === "rate" ? answer.outcome.score : null;
  const set = (value: number): void => onAnswer({ outcome: { type: "rate", candidate: id, score: value } });
  useKeys({ good: () => set(1), bad: () => set(0), digit: (key) => key <= "2" && set(key === "1" ? 1 : 0) });
  return (
    <fieldset class="scale thumbs">
      <legend class="visually-hidden">Is this a good answer?</legend>
      {(
        [
          [1, "Good", "good"],
          [0, "Bad", "bad"],
        ] as const
      ).map(([value, label, action]) => (
        <label key={value} class={`point ${score === value ? "on" : ""}`}>
          <input type="radio" name="thumb" checked={score === value} onChange={() => set(value)} />
          <span class="point-label">{label}</span>
          <kbd>{hint(action)}</kbd>
        </label>
      ))}
    </fieldset>
  );
}
