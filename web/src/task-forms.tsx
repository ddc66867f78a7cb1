/** Forms of the tasks that are no plain pair: ranking, attributes, thumbs, rewrite, step labels. Know answers, no network. */
import { useEffect, useState } from "preact/hooks";
import type { Answer, Candidate, Project } from "./api.js";
import { hint, useKeys } from "./keys.js";
import { Turn, type ViewOptions } from "./messages-view.js";

export interface FormProps {
  candidates: readonly Candidate[];
  settings: Project["settings"];
  answer: Answer;
  onAnswer: (answer: Partial<Answer>) => void;
}
export const letter = (place: number): string => String.fromCodePoint(65 + place);

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

const attributesOf = ({ attributes }: Project["settings"]): { name: string; min: number; max: number }[] =>
  attributes.length > 0 ? attributes : [{ name: "overall", min: 1, max: 5 }];

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
  useEffect(() => setMarked(null), [candidates]);
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

export function RewriteForm({ candidates, answer, onAnswer }: FormProps) {
  const { id, messages } = candidates[0]!;
  const last = messages.at(-1);
  const text =
    answer.outcome?.type === "rewrite"
      ? (answer.outcome.messages.at(-1)?.content ?? "")
      : (last?.content ?? "");
  return (
    <label class="rewrite">
      <span>Your version{candidates.length > 1 ? " of response A" : ""}</span>
      <textarea
        rows={8}
        dir="auto"
        value={text}
        onInput={(event) =>
          onAnswer({
            outcome: {
              type: "rewrite",
              candidate: id,
              messages: [...messages.slice(0, -1), { role: "assistant", content: event.currentTarget.value }],
            },
          })
        }
      />
    </label>
  );
}

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
  useEffect(() => setAt(0), [candidates]);
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
    document.querySelector(`[data-judged="${next}"]`)?.scrollIntoView({ block: "nearest" });
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
      {messages.map((message, place) => {
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

/** Why it cannot be submitted yet; null when it can. */
export function missing(
  answer: Answer,
  {
    task,
    candidates,
    settings,
  }: { task: string; candidates: readonly Candidate[]; settings: Project["settings"] },
): string | null {
  const { outcome } = answer;
  if (answer.skipped) return null;
  if (task === "rate") {
    const lacking = attributesOf(settings).some(({ name }) =>
      candidates.some(({ id }) => answer.attributes?.[name]?.[id] === undefined),
    );
    return lacking ? "Give each a score" : null;
  }
  if (outcome === undefined)
    return task === "rewrite"
      ? "Change the text"
      : task === "steps"
        ? "Label the steps"
        : "Choose an answer first";
  if (outcome.type === "rank" && outcome.order.flat().length < Math.min(2, candidates.length))
    return "Rank at least two";
  return null;
}
