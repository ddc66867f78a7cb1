/** Everybody who came: role, share, and whether they still may. */
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { Show, useLoad } from "../load.js";

export function People() {
  const people = useLoad(() => call("annotators"));
  const [error, setError] = useState<string | null>(null);
  const change = async (
    annotator: string,
    part: { quota?: number | null; disabled?: boolean },
  ): Promise<void> => {
    try {
      await call("changeAnnotator", { path: { annotator }, body: part });
      setError(null);
      people.reload();
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  return (
    <>
      <h2>People</h2>
      {error !== null && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
      <Show of={people}>
        {({ annotators }) =>
          annotators.length === 0 ? (
            <p class="muted">Nobody has come yet.</p>
          ) : (
            <ul class="list">
              {annotators.map(({ annotator, role, judgements, quota, disabled }) => (
                <li key={annotator} class="wrap">
                  <b class="grow">{annotator}</b>
                  <span class="muted">
                    {role}, {judgements} judged
                  </span>
                  <label class="inline">
                    <span>At most</span>
                    <input
                      type="number"
                      min={0}
                      class="key"
                      aria-label={`At most, for ${annotator}`}
                      value={quota ?? ""}
                      onChange={(event) =>
                        void change(annotator, {
                          quota: event.currentTarget.value === "" ? null : Number(event.currentTarget.value),
                        })
                      }
                    />
                  </label>
                  <button
                    type="button"
                    aria-label={`${disabled ? "Let in again" : "Shut out"}: ${annotator}`}
                    onClick={() => void change(annotator, { disabled: !disabled })}
                  >
                    {disabled ? "Let in again" : "Shut out"}
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </>
  );
}
