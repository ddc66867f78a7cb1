/** What I judged, newest first, to be looked at and changed; who I am here, and the way out. */
import { call, type Project, type Session } from "../api.js";
import { More, Show, usePages } from "../load.js";
import { inWords, seconds, when } from "../words.js";

export function History({ session, project }: { session: Session; project: Project }) {
  const history = usePages((after) =>
    call("history", { query: { limit: 100, after } }).then(({ entries, ...rest }) => ({
      rows: entries,
      ...rest,
    })),
  );
  return (
    <>
      <h1>What you judged</h1>
      <p class="muted">
        You are <b>{session.annotator}</b> here; nobody sees another name. Reviewers see answers, and no other
        annotator does.{" "}
        <button type="button" class="quiet" onClick={() => void leave()}>
          Sign out
        </button>
      </p>
      <Show of={history}>
        {({ rows: entries }) =>
          entries.length === 0 ? (
            <p class="muted">
              Nothing yet. <a href="#/annotate">Judge the first</a>.
            </p>
          ) : (
            <ul class="list">
              {entries.map(({ judgement, excerpt, answer, submitted_at, active_ms, replaced }) => (
                <li key={judgement} class={replaced ? "replaced" : ""}>
                  <span class="grow" dir="auto">
                    {excerpt}
                  </span>
                  <b>{inWords(answer, { scale: project.settings.strength })}</b>
                  <span class="muted">
                    {when(submitted_at)} {seconds(active_ms)}
                  </span>
                  {replaced ? (
                    <span class="muted">changed later</span>
                  ) : (
                    <a href={`#/annotate/${encodeURIComponent(judgement)}`} aria-label={`Change: ${excerpt}`}>
                      Change
                    </a>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      <More of={history} />
    </>
  );
}

async function leave(): Promise<void> {
  await call("logout").catch(() => undefined);
  location.reload();
}
