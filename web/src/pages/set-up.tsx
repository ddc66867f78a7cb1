/** The owner's set-up: the question asked, how items are dealt out, who may come and how much each may judge. */
import { useState } from "preact/hooks";
import { call, type Project } from "../api.js";
import { Show, useLoad } from "../load.js";

const commas = (text: string): string[] => [
  ...new Set(
    text
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean),
  ),
];

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
        {settings.task === "rate" && (
          <label>
            <span>Attributes to score from 1 to 5, with commas between (empty: one overall)</span>
            <input
              type="text"
              value={settings.attributes.map(({ name }) => name).join(", ")}
              onChange={(event) =>
                change({
                  attributes: commas(event.currentTarget.value).map(
                    (name) =>
                      settings.attributes.find((each) => each.name === name) ?? { name, min: 1, max: 5 },
                  ),
                })
              }
            />
          </label>
        )}
        <label>
          <span>Reasons to tick, with commas between</span>
          <input
            type="text"
            value={settings.reasons.join(", ")}
            onChange={(event) => change({ reasons: commas(event.currentTarget.value) })}
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
      <People />
    </>
  );
}

/** Everybody who came, with a limit of their own, and whether they still may. */
function People() {
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
