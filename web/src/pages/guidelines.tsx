/** The rules that people judge by: read by all, written by the owner, every version kept. */
import { useState } from "preact/hooks";
import { call, type Session } from "../api.js";
import { Show, useLoad } from "../load.js";
import { TextView } from "../text/text-view.js";
import { when } from "../words.js";

export function Guidelines({ session }: { session: Session }) {
  const versions = useLoad(() => call("guidelines"));
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const save = async (): Promise<void> => {
    try {
      await call("addGuideline", { body: { markdown: draft! } });
      setDraft(null);
      versions.reload();
    } catch (cause) {
      setError((cause as Error).message);
    }
  };
  return (
    <>
      <h1>Guidelines</h1>
      <Show of={versions}>
        {({ guidelines }) => (
          <>
            {draft === null ? (
              <>
                {guidelines[0] ? (
                  <article class="card">
                    <p class="muted">
                      Version {guidelines[0].version}, {when(guidelines[0].created_at)}. Every judgement keeps
                      the version it was made under.
                    </p>
                    <TextView text={guidelines[0].markdown} label="the guidelines" />
                  </article>
                ) : (
                  <p class="muted">No guidelines yet.</p>
                )}
                {session.role === "owner" && (
                  <button type="button" onClick={() => setDraft(guidelines[0]?.markdown ?? "")}>
                    Write a new version
                  </button>
                )}
                {guidelines.slice(1).map(({ version, created_at, markdown }) => (
                  <details key={version}>
                    <summary>
                      Version {version}, {when(created_at)}
                    </summary>
                    <TextView text={markdown} label={`version ${version}`} />
                  </details>
                ))}
              </>
            ) : (
              <>
                <label class="rewrite">
                  <span>Markdown</span>
                  <textarea
                    rows={18}
                    value={draft}
                    onInput={(event) => setDraft(event.currentTarget.value)}
                  />
                </label>
                <div class="row">
                  <button type="button" class="primary" onClick={() => void save()}>
                    Save as version {(guidelines[0]?.version ?? 0) + 1}
                  </button>
                  <button type="button" class="quiet" onClick={() => setDraft(null)}>
                    Back
                  </button>
                </div>
              </>
            )}
            {error !== null && (
              <p class="banner bad" role="alert">
                {error}
              </p>
            )}
          </>
        )}
      </Show>
    </>
  );
}
