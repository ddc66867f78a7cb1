/** A label for each step of one run: right, neutral, wrong, or the first error. */
import { useLayoutEffect, useState } from "preact/hooks";
import { hint, useKeys } from "../keys.js";
import { Turn, type ViewOptions } from "../text/messages-view.js";
import { useGrowing } from "../text/use-growing.js";
import type { FormProps } from "./form.js";

const ratings = [
  { value: 1, mark: "+", word: "right", action: "good" },
  { value: 0, mark: "0", word: "neutral", action: "neutral" },
  { value: -1, mark: "−", word: "wrong", action: "bad" },
] as const;

/** The keys of step labels, in words: the buttons beside each step have no room for them. */
export const StepKeys = () => (
  <div class="key-list">
    {(["good", "neutral", "bad", "firstError", "nextStep", "previousStep"] as const).map((action) => (
      <span key={action}>
        <kbd>{hint(action)}</kbd> {stepWords[action]}
      </span>
    ))}
  </div>
);
const stepWords = {
  good: "right",
  neutral: "neutral",
  bad: "wrong",
  firstError: "first error",
  nextStep: "next",
  previousStep: "previous",
} as const;

/** A label a step; "first error here" leaves what follows unlabelled, as PRM800K does. */
export function StepsForm({ candidates, answer, onAnswer, ...options }: FormProps & ViewOptions) {
  const { id, messages } = candidates[0]!;
  const judged = messages
    .map((message, place) => ({ message, place }))
    .filter(({ message }) => message.role !== "tool" && message.role !== "user");
  const labels = answer.outcome?.type === "step" ? answer.outcome.labels : messages.map(() => null);
  const [at, setAt] = useState(0);
  useLayoutEffect(() => setAt(0), [candidates]);
  const shown = useGrowing(messages.length, { first: 16, atLeast: judged[at]?.place ?? 0 });
  const set = (place: number, value: number | null, first = false): void =>
    onAnswer({
      outcome: {
        type: "step",
        candidate: id,
        labels: labels.map((label, k) => (k === place ? value : first && k > place ? null : label)),
      },
    });
  const label = (value: number, first = false): void => {
    const step = judged[at];
    if (step === undefined) return;
    set(step.place, value, first);
    if (!first && at + 1 < judged.length) go(at + 1);
  };
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(judged.length - 1, to));
    setAt(next);
    requestAnimationFrame(() =>
      document.querySelector(`[data-judged="${next}"]`)?.scrollIntoView({ block: "nearest" }),
    );
  };
  useKeys({
    good: () => label(1),
    neutral: () => label(0),
    bad: () => label(-1),
    firstError: () => label(-1, true),
    nextStep: () => go(at + 1),
    previousStep: () => go(at - 1),
  });
  return (
    <ol class="judged-steps">
      {messages.slice(0, shown).map((message, place) => {
        const index = judged.findIndex((each) => each.place === place);
        return (
          <li key={place} data-judged={index} class={index === at ? "current" : ""}>
            {index >= 0 && (
              <fieldset class="faces" onFocusIn={() => setAt(index)}>
                <legend class="visually-hidden">Step {index + 1}</legend>
                {ratings.map(({ value, mark, word, action }) => (
                  <label
                    key={value}
                    class={`chip ${labels[place] === value ? `on ${word}` : ""}`}
                    title={`${word} (${hint(action)})`}
                  >
                    <input
                      type="radio"
                      class="visually-hidden"
                      name={`step-${place}`}
                      checked={labels[place] === value}
                      onChange={() => set(place, value)}
                      aria-label={word}
                    />
                    {mark}
                  </label>
                ))}
                <button type="button" class="quiet" onClick={() => set(place, -1, true)}>
                  first error
                </button>
              </fieldset>
            )}
            <div>
              <Turn message={message} number={place + 1} label={`step ${place + 1}`} {...options} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}
