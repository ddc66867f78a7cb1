/** Pages of the owner: guidelines, set-up, data, export. */
import { useState } from "preact/hooks";
import { call, currentProject, type Project, type Session } from "../api.js";
import { Show, useLoad } from "../load.js";
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

const numbers = [
  ["overlap", "Judgements wanted for each item", 1],
  ["gold_every", "A gold item every so many items (0: never)", 0],
  ["repeat_every", "One of their own again, sides swapped, every so many (0: never)", 0],
  ["practice", "Practice items before the first real one", 0],
  ["lease_seconds", "Seconds until an abandoned item goes to somebody else", 5],
] as const;
const switches = [
  ["ties", "Ties may be given"],
  ["both_bad", "“Both bad” may be given"],
  ["comments", "Comments may be written"],
  ["images", "Images in answers are fetched from where they point (shows your address to them)"],
] as const;

export function SetUp({ project, onChange }: { project: Project; onChange: (project: Project) => void }) {
  const [settings, setSettings] = useState(project.settings);
  const [name, setName] = useState(project.name);
  const [said, setSaid] = useState<{ text: string; bad?: boolean } | null>(null);
  const [link, setLink] = useState<string | null>(null);
  const change = (part: Partial<Project["settings"]>): void => setSettings({ ...settings, ...part });
  const save = async (): Promise<void> => {
    const { webhook: _, ...rest } = settings;
    try {
      onChange(await call("changeProject", { body: { name, settings: rest } }));
      setSaid({ text: "Saved." });
    } catch (cause) {
      setSaid({ text: (cause as Error).message, bad: true });
    }
  };
  const invite = async (role: "annotator" | "reviewer"): Promise<void> => {
    try {
      const { token } = await call("invite", { body: { role } });
      setLink(`${location.origin}${location.pathname}#token=${encodeURIComponent(token)}`);
    } catch (cause) {
      setSaid({ text: (cause as Error).message, bad: true });
    }
  };
  return (
    <>
      <h1>Set-up</h1>
      <form class="card form" onSubmit={(event) => (event.preventDefault(), void save())}>
        <label>
          <span>Name</span>
          <input type="text" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          <span>Task</span>
          <select
            value={settings.task}
            onChange={(event) => change({ task: event.currentTarget.value as typeof settings.task })}
          >
            {(["pair", "trajectories", "rank", "rate", "thumbs", "rewrite", "steps"] as const).map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          <span>Scale</span>
          <select
            value={String(settings.strength)}
            onChange={(event) => change({ strength: Number(event.currentTarget.value) as 0 | 5 | 7 })}
          >
            <option value="0">a side only</option>
            <option value="5">two degrees a side</option>
            <option value="7">three degrees a side</option>
          </select>
        </label>
        <label>
          <span>Next item</span>
          <select
            value={settings.policy}
            onChange={(event) => change({ policy: event.currentTarget.value as typeof settings.policy })}
          >
            <option value="least-judged">least judged first</option>
            <option value="active">the one the models are least sure of</option>
          </select>
        </label>
        {numbers.map(([key, label, min]) => (
          <label key={key}>
            <span>{label}</span>
            <input
              type="number"
              min={min}
              value={settings[key]}
              onInput={(event) => change({ [key]: Number(event.currentTarget.value) })}
            />
          </label>
        ))}
        <label>
          <span>Judgements of one person at most (empty: no limit)</span>
          <input
            type="number"
            min={1}
            value={settings.quota ?? ""}
            onInput={(event) =>
              change({ quota: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })
            }
          />
        </label>
        <label>
          <span>Reasons to tick, with commas between</span>
          <input
            type="text"
            value={settings.reasons.join(", ")}
            onChange={(event) =>
              change({
                reasons: event.currentTarget.value
                  .split(",")
                  .map((each) => each.trim())
                  .filter(Boolean),
              })
            }
          />
        </label>
        {switches.map(([key, label]) => (
          <label key={key} class="switch">
            <input
              type="checkbox"
              checked={settings[key]}
              onChange={(event) => change({ [key]: event.currentTarget.checked })}
            />
            <span>{label}</span>
          </label>
        ))}
        <div class="row">
          <button type="submit" class="primary">
            Save
          </button>
        </div>
      </form>
      {said !== null && (
        <p class={`banner ${said.bad ? "bad" : "good"}`} role={said.bad ? "alert" : "status"}>
          {said.text}
        </p>
      )}
      <h2>Invite people</h2>
      <div class="row">
        <button type="button" onClick={() => void invite("annotator")}>
          Link for an annotator
        </button>
        <button type="button" onClick={() => void invite("reviewer")}>
          Link for a reviewer
        </button>
      </div>
      {link !== null && (
        <label class="rewrite">
          <span>Shown this once; good for one person</span>
          <input type="text" readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </>
  );
}

export function Data({ project }: { project: Project }) {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("any");
  const [open, setOpen] = useState<string | null>(null);
  const items = useLoad(
    () => call("items", { query: { search: search || undefined, status, limit: 100 } }),
    [search, status],
  );
  return (
    <>
      <h1>Data</h1>
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
        {({ items: rows, total }) => (
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
