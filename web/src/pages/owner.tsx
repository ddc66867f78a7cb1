/** Pages of the owner: guidelines, data, export. */
import { useState } from "preact/hooks";
import { call, currentProject, type Project, type Session } from "../api.js";
import { LiveProgress } from "../live-progress.js";
import { More, Show, useLoad, usePages } from "../load.js";
import { TextView } from "../text-view.js";
import { when } from "../words.js";
import { Decision } from "./review.js";

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

export function Data({ project }: { project: Project }) {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("any");
  const [open, setOpen] = useState<string | null>(null);
  const items = usePages(
    (after) =>
      call("items", { query: { search: search || undefined, status, limit: 100, after } }).then(
        ({ items: rows, ...rest }) => ({ rows, ...rest }),
      ),
    [search, status],
  );
  return (
    <>
      <h1>Data</h1>
      <LiveProgress />
      <div class="row">
        <label class="grow">
          <span class="visually-hidden">Search</span>
          <input
            type="search"
            placeholder="Search prompts"
            value={search}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <label>
          <span class="visually-hidden">Status</span>
          <select value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            {["any", "open", "complete", "adjudicated"].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Show of={items}>
        {({ rows, total }) => (
          <>
            <p class="muted">{total.toLocaleString("en")} items</p>
            <ul class="list">
              {rows.map((each) => (
                <li key={each.id} class="wrap">
                  <button
                    type="button"
                    class="quiet grow start"
                    aria-expanded={open === each.id}
                    onClick={() => setOpen(open === each.id ? null : each.id)}
                    dir="auto"
                  >
                    {each.excerpt || each.id}
                  </button>
                  {each.role !== "task" && <span class="tag">{each.role}</span>}
                  <span class="muted">{each.judgements} judged</span>
                  <span class={`tag ${each.status}`}>{each.status}</span>
                  {open === each.id && <Whole id={each.id} project={project} />}
                </li>
              ))}
            </ul>
            <More of={items} />
          </>
        )}
      </Show>
    </>
  );
}

function Whole({ id, project }: { id: string; project: Project }) {
  const item = useLoad(() => call("item", { path: { item: id } }), [id]);
  return (
    <div class="whole">
      <Show of={item}>{(value) => <Decision of={value} project={project} onDone={item.reload} />}</Show>
    </div>
  );
}

const targets = [
  ["dpo", "Pairs (DPO, reward model)"],
  ["reward", "Pairs with margins"],
  ["kto", "Single answers, good or bad (KTO)"],
  ["ranked", "Rankings"],
  ["stepwise", "Judged steps"],
  ["dump", "Everything, losing nothing"],
] as const;

export function Export() {
  const [to, setTo] = useState("dpo");
  const [ties, setTies] = useState("drop");
  const [soft, setSoft] = useState(false);
  const query = new URLSearchParams({ to, ties, soft_labels: String(soft) });
  return (
    <>
      <h1>Export</h1>
      <div class="card form">
        <label>
          <span>For</span>
          <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
            {targets.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Ties</span>
          <select value={ties} onChange={(event) => setTies(event.currentTarget.value)}>
            <option value="drop">left out</option>
            <option value="keep">kept, with soft label one half</option>
          </select>
        </label>
        <label class="switch">
          <input type="checkbox" checked={soft} onChange={(event) => setSoft(event.currentTarget.checked)} />
          <span>Add the share of people for the chosen answer</span>
        </label>
        <div class="row">
          <a
            class="button primary"
            download={`${currentProject()}-${to}.jsonl`}
            href={`/api/projects/${encodeURIComponent(currentProject())}/export?${query.toString()}`}
          >
            Download JSON Lines
          </a>
        </div>
      </div>
      <p class="muted">
        Or train at once: <code>attune train dpo --data attune:{currentProject()}</code>
      </p>
    </>
  );
}
