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
                    <Groups
                      who={annotator}
                      known={known}
                      given={groups}
                      onChange={(next) => void change(annotator, { groups: next })}
                    />
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

/** Which groups of items somebody is given; none chosen is all of them. */
function Groups({
  who,
  known,
  given,
  onChange,
}: {
  who: string;
  known: readonly string[];
  given: readonly string[] | null;
  onChange: (groups: string[] | null) => void;
}) {
  const toggle = (group: string, on: boolean): void => {
    const next = known.filter((each) => (each === group ? on : (given ?? []).includes(each)));
    onChange(next.length === 0 ? null : next);
  };
  return (
    <details class="groups">
      <summary>
        {given === null ? "All groups" : `Only ${given.join(", ")}`}
        <span class="visually-hidden"> for {who}</span>
      </summary>
      <fieldset>
        <legend class="visually-hidden">Only these groups, for {who}; none is all</legend>
        {known.map((group) => (
          <label key={group} class="inline">
            <input
              type="checkbox"
              checked={given?.includes(group) ?? false}
              onChange={(event) => toggle(group, event.currentTarget.checked)}
            />
            <span>{group}</span>
          </label>
        ))}
      </fieldset>
    </details>
  );
}
