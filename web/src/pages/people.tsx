/** Everybody who came: role, share, and whether they still may. */
import { useState } from "preact/hooks";
import { call } from "../api.js";
import { Show, useLoad } from "../load.js";

export function People() {
  const people = useLoad(() => call("annotators"));
  const [error, setError] = useState<string | null>(null);
  const change = async (
    annotator: string,
    part: { quota?: number | null; groups?: string[] | null; disabled?: boolean },
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
        {({ annotators, groups: known }) =>
          annotators.length === 0 ? (
            <p class="muted">Nobody has come yet.</p>
          ) : (
            <ul class="list">
              {annotators.map(({ annotator, role, judgements, quota, groups, disabled }) => (
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
                  {known.length > 0 && (
                    <label class="inline">
                      <span>Only groups</span>
                      <input
                        type="text"
                        aria-label={`Only groups, for ${annotator}`}
                        placeholder="all"
                        title={`Of ${known.join(", ")}; separated by commas`}
                        value={groups?.join(", ") ?? ""}
                        onChange={(event) =>
                          void change(annotator, { groups: groupsOf(event.currentTarget.value) })
                        }
                      />
                    </label>
                  )}
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

/** `law, small talk` as a list; nothing is every item. */
function groupsOf(text: string): string[] | null {
  const groups = text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return groups.length === 0 ? null : groups;
}
