/** One item whole: its answers with their sources, every judgement un-swapped, and the decision. */
import { useRef, useState } from "preact/hooks";
import { type Answer, call, type Project, type ReviewItem } from "../api.js";
import { Panes, PromptView } from "../judging/item-view.js";
import { hint, useKeys } from "../keys.js";
import { letter } from "../tasks/form.js";
import { Trajectories } from "../text/trajectories.js";
import { inWords, percent, seconds, when } from "../words.js";

export function Decision({
  of: { item, candidates, gold, judgements, adjudicated, disagreement },
  project,
  onDone,
  keys = false,
}: {
  of: ReviewItem;
  project: Project;
  onDone: () => void;
  /** Whether digits choose and Enter decides. */
  keys?: boolean;
}) {
  const names = (id: string): string => letter(candidates.findIndex((each) => each.id === id));
  const words = { names, scale: project.settings.strength };
  const images = project.settings.images;
  const known = candidates.map(({ id, source }) => ({ id, model: source?.model }));
  return (
    <article class="decision" aria-label="Item">
      <PromptView item={item} images={images} />
      {item.task === "trajectories" && candidates.length === 2 ? (
        <Trajectories candidates={candidates} divergence={item.divergence} images={images} />
      ) : (
        <Panes candidates={candidates} images={images} />
      )}
      <p class="muted">
        {known.some(({ model }) => model !== undefined) && (
          <>
            {known.map(({ id, model }) => `${names(id)} is of ${model ?? "an unnamed source"}`).join(", ")}
            .{" "}
          </>
        )}
        {judgements.length > 1 && `${percent(disagreement)} of pairs of judgements differ. `}
        {gold !== null && `Known answer: ${inWords({ outcome: gold as Answer["outcome"] }, words)}.`}
      </p>
      <ul class="list">
        {judgements.map((each) => (
          <li key={each.judgement}>
            <span>{each.annotator}</span>
            <b>{inWords(each.answer, words)}</b>
            <span class="grow" dir="auto">
              {each.answer.reasons?.join(", ")} {each.answer.comment}
            </span>
            <span class="muted">
              {[
                each.shown_order.length > 1 && each.shown_order[0] !== candidates[0]!.id && "other order",
                each.late && "late",
                seconds(each.active_ms),
                when(each.submitted_at),
              ]
                .filter(Boolean)
                .join(", ")}
            </span>
          </li>
        ))}
        {judgements.length === 0 && <li class="muted">Nobody has judged it yet.</li>}
      </ul>
      {adjudicated !== null ? (
        <p class="banner good">
          Decided by {adjudicated.by}: {inWords(adjudicated.answer, words)}. {adjudicated.reason}
        </p>
      ) : (
        <Decide
          item={item.id}
          choices={choicesOf({ item, candidates, judgements }, words)}
          {...{ keys, onDone }}
        />
      )}
    </article>
  );
}

interface Choice {
  label: string;
  answer: Answer;
}

/** For two answers the four that there are; else, and for their strengths, what people gave. */
function choicesOf(
  { item, candidates, judgements }: Pick<ReviewItem, "item" | "candidates" | "judgements">,
  words: Parameters<typeof inWords>[1],
): Choice[] {
  const given = judgements
    .filter(({ answer }) => !answer.skipped)
    .map(({ answer }) => ({
      label: inWords(answer, words),
      answer: { ...answer, comment: undefined, reasons: undefined },
    }));
  const standard: Choice[] = [];
  if (candidates.length === 2 && (item.task === "pair" || item.task === "trajectories")) {
    const [a, b] = [candidates[0]!.id, candidates[1]!.id];
    const none = { type: "pair", chosen: null, rejected: null } as const;
    standard.push(
      { label: "A better", answer: { outcome: { type: "pair", chosen: a, rejected: b } } },
      { label: "B better", answer: { outcome: { type: "pair", chosen: b, rejected: a } } },
      { label: "tie", answer: { outcome: none, tie: "equal" } },
      { label: "both bad", answer: { outcome: none, tie: "both_bad" } },
    );
  }
  // Where somebody gave the same, theirs is taken, with its strength.
  const all = [...standard.map((each) => given.find(({ label }) => label === each.label) ?? each), ...given];
  return all.filter(({ label }, k) => all.findIndex((each) => each.label === label) === k).slice(0, 9);
}

function Decide({
  item,
  choices,
  keys,
  onDone,
}: {
  item: string;
  choices: readonly Choice[];
  keys: boolean;
  onDone: () => void;
}) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [reason, setReason] = useState("");
  const [error, setError] = useState<string | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const decide = async (): Promise<void> => {
    const choice = choices[chosen ?? -1];
    if (choice === undefined) return setError("Choose what is right first.");
    try {
      const body = { answer: choice.answer, ...(reason.trim() && { reason }) };
      await call("adjudicate", { path: { item }, body });
      onDone();
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  useKeys(
    {
      digit: (key) => choices[Number(key) - 1] && setChosen(Number(key) - 1),
      submit: () => void decide(),
      comment: () => field.current?.focus(),
    },
    keys,
  );
  if (choices.length === 0) return null;
  return (
    <form class="card decide" onSubmit={(event) => (event.preventDefault(), void decide())}>
      <fieldset class="row">
        <legend>What is right?</legend>
        {choices.map(({ label }, k) => (
          <label key={label} class={chosen === k ? "chip on" : "chip"}>
            <input
              type="radio"
              class="visually-hidden"
              name={`decide-${item}`}
              checked={chosen === k}
              onChange={() => setChosen(k)}
            />
            {label} {keys && <kbd>{k + 1}</kbd>}
          </label>
        ))}
      </fieldset>
      <div class="row">
        <label class="grow">
          <span class="visually-hidden">Reason</span>
          <input
            ref={field}
            type="text"
            maxLength={5000}
            placeholder="Why (kept with the decision)"
            value={reason}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" aria-disabled={chosen === null}>
          Decide {keys && <kbd>{hint("submit")}</kbd>}
        </button>
      </div>
      {error !== null && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}
