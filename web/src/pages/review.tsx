/** Review: items on which people differ, every judgement un-swapped beside the answers, and the decision. */
import { useState } from "preact/hooks";
import { type Answer, call, type Project, type ReviewItem } from "../api.js";
import { More, Show, usePages } from "../load.js";
import { Conversation } from "../messages-view.js";
import { letter } from "../task-forms.js";
import { inWords, percent, when } from "../words.js";

export function Review({ project }: { project: Project }) {
  const [which, setWhich] = useState<"disagreement" | "flagged" | "all">("disagreement");
  const queue = usePages(
    (after) =>
      call("review", { query: { which, limit: 20, after } }).then(({ items, ...rest }) => ({
        rows: items,
        ...rest,
      })),
    [which],
  );
  return (
    <>
      <h1>Review</h1>
      <div class="row" role="group" aria-label="Which items">
        {(["disagreement", "flagged", "all"] as const).map((each) => (
          <button
            key={each}
            type="button"
            class={each === which ? "chip on" : "chip"}
            aria-pressed={each === which}
            onClick={() => setWhich(each)}
          >
            {each === "disagreement" ? "people differ" : each}
          </button>
        ))}
      </div>
      <Show of={queue}>
        {({ rows: items }) =>
          items.length === 0 ? (
            <p class="muted">Nothing to decide here.</p>
          ) : (
            <>
              {items.map((each) => (
                <Decision key={each.item.id} of={each} project={project} onDone={queue.reload} />
              ))}
              <More of={queue} />
            </>
          )
        }
      </Show>
    </>
  );
}

export function Decision({ of, project, onDone }: { of: ReviewItem; project: Project; onDone: () => void }) {
  const [reason, setReason] = useState("");
  const [error, setError] = useState<string | null>(null);
  const { item, candidates, judgements, adjudicated, disagreement } = of;
  const names = (id: string): string => letter(candidates.findIndex((each) => each.id === id));
  const decide = async (answer: Answer): Promise<void> => {
    try {
      await call("adjudicate", { path: { item: item.id }, body: { answer, ...(reason && { reason }) } });
      onDone();
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  const better = (chosen: 0 | 1): Answer => ({
    outcome: { type: "pair", chosen: candidates[chosen]!.id, rejected: candidates[1 - chosen]!.id },
  });
  const tied = (tie: "equal" | "both_bad"): Answer => ({
    outcome: { type: "pair", chosen: null, rejected: null },
    tie,
  });
  const pair = candidates.length === 2 && (item.task === "pair" || item.task === "trajectories");
  return (
    <article class="decision" aria-label={`Item ${item.id}`}>
      <div class="prompt" role="group" aria-label="Prompt" tabIndex={0}>
        <Conversation messages={item.prompt} label="the prompt" images={project.settings.images} />
      </div>
      <div class={`panes n${Math.min(3, candidates.length)}`}>
        {candidates.map(({ id, messages, source }, k) => (
          <div key={id} class="pane">
            <h2>
              Response {letter(k)} {source?.model && <small class="muted">{source.model}</small>}
            </h2>
            <div
              class="pane-text short"
              tabIndex={0}
              role="group"
              aria-label={`Text of response ${letter(k)}`}
            >
              <Conversation
                messages={messages}
                label={`response ${letter(k)}`}
                images={project.settings.images}
              />
            </div>
          </div>
        ))}
      </div>
      <p class="muted">{percent(disagreement)} of pairs of judgements differ</p>
      <ul class="list">
        {judgements.map((each) => (
          <li key={each.judgement}>
            <span>{each.annotator}</span>
            <b class="grow">{inWords(each.answer, names)}</b>
            <span class="muted" dir="auto">
              {each.answer.comment ?? ""} {each.late && "late"} {when(each.submitted_at)}
            </span>
            {adjudicated === null && !each.answer.skipped && (
              <button
                type="button"
                class="quiet"
                aria-label={`Decide so, as ${each.annotator} did`}
                onClick={() => void decide({ ...each.answer, comment: undefined })}
              >
                Decide so
              </button>
            )}
          </li>
        ))}
      </ul>
      {adjudicated !== null ? (
        <p class="banner good">
          Decided by {adjudicated.by}: {inWords(adjudicated.answer, names)}. {adjudicated.reason}
        </p>
      ) : (
        pair && (
          <div class="row decide">
            <label class="grow">
              <span class="visually-hidden">Reason</span>
              <input
                type="text"
                placeholder="Reason (kept with the decision)"
                value={reason}
                onInput={(event) => setReason(event.currentTarget.value)}
              />
            </label>
            <button type="button" onClick={() => void decide(better(0))}>
              A is right
            </button>
            <button type="button" onClick={() => void decide(tied("equal"))}>
              Tie
            </button>
            <button type="button" onClick={() => void decide(tied("both_bad"))}>
              Both bad
            </button>
            <button type="button" onClick={() => void decide(better(1))}>
              B is right
            </button>
          </div>
        )
      )}
      {error !== null && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
    </article>
  );
}
