/** The owner's set-up: the question asked, how items are dealt out, what is checked, who may come. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { call, type Project } from "../api.js";
import { Invitations } from "./invitations.js";
import { NewProject } from "./new-project.js";
import { People } from "./people.js";

type Settings = Project["settings"];
type Change = (part: Partial<Settings>) => void;

const tasks: Record<Settings["task"], string> = {
  pair: "Which of two answers is better",
  trajectories: "Which of two runs of an agent is better",
  rank: "Rank several answers",
  rate: "Score answers on attributes",
  thumbs: "Good or bad",
  rewrite: "Rewrite an answer as it should be",
  steps: "Judge each step of a run",
};

export function SetUp({
  project,
  onChange,
  onCreate,
}: {
  project: Project;
  onChange: (project: Project) => void;
  onCreate: (project: Project) => void;
}) {
  const [settings, setSettings] = useState(project.settings);
  const [name, setName] = useState(project.name);
  const [said, setSaid] = useState<{ text: string; bad?: boolean } | null>(null);
  const change: Change = (part) => (setSaid(null), setSettings({ ...settings, ...part }));
  const save = async (): Promise<void> => {
    // The webhook's secret is not shown, so it cannot be sent back; it stays as it is.
    const { webhook: _, ...rest } = settings;
    try {
      onChange(await call("changeProject", { body: { name, settings: rest } }));
      setSaid({ text: "Saved." });
    } catch (cause) {
      setSaid({ text: (cause as Error).message, bad: true });
    }
  };
  return (
    <>
      <h1>Set-up</h1>
      <form onSubmit={(event) => (event.preventDefault(), void save())}>
        <Group title="The question">
          <label>
            <span>Name of the project</span>
            <input
              type="text"
              required
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <label>
            <span>What people are asked</span>
            <select
              value={settings.task}
              onChange={(event) => change({ task: event.currentTarget.value as Settings["task"] })}
            >
              {Object.entries(tasks).map(([task, words]) => (
                <option key={task} value={task}>
                  {words}
                </option>
              ))}
            </select>
          </label>
          <Answers settings={settings} change={change} />
          <Switch settings={settings} change={change} name="comments">
            Comments may be written
          </Switch>
          <Switch settings={settings} change={change} name="images">
            Images in answers are fetched from where they point (which tells that place who looks)
          </Switch>
        </Group>
        <Group title="How items are dealt out">
          <Count settings={settings} change={change} name="overlap" min={1}>
            Judgements wanted for each item
          </Count>
          <label>
            <span>Most judgements of one person</span>
            <input
              type="number"
              min={1}
              placeholder="no limit"
              value={settings.quota ?? ""}
              onInput={(event) =>
                change({ quota: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })
              }
            />
          </label>
          <label>
            <span>Which item comes next</span>
            <select
              value={settings.policy}
              onChange={(event) => change({ policy: event.currentTarget.value as Settings["policy"] })}
            >
              <option value="least-judged">the least judged</option>
              <option value="active">the one that reward models are least sure of</option>
            </select>
          </label>
          <Count settings={settings} change={change} name="lease_seconds" min={5}>
            Seconds until an abandoned item goes to somebody else
          </Count>
        </Group>
        <Group title="How quality is watched">
          <Count settings={settings} change={change} name="practice">
            Practice items first, with the right answer told after each
          </Count>
          <Count settings={settings} change={change} name="gold_every">
            A known item unnoticed after every so many (0: never)
          </Count>
          <Count settings={settings} change={change} name="repeat_every">
            An own item again, sides swapped, after every so many (0: never)
          </Count>
          {settings.repeat_every > 0 && (
            <Count settings={settings} change={change} name="repeat_gap" min={1}>
              Items at least between the two
            </Count>
          )}
        </Group>
        <div class="row">
          <button type="submit" class="primary">
            Save
          </button>
          {said !== null && (
            <span class={said.bad ? "banner bad" : "banner good"} role={said.bad ? "alert" : "status"}>
              {said.text}
            </span>
          )}
        </div>
      </form>
      <Invitations />
      <People />
      <NewProject onCreate={onCreate} />
    </>
  );
}

/** What may be answered, which depends on the task. */
function Answers({ settings, change }: { settings: Settings; change: Change }) {
  const pair = settings.task === "pair" || settings.task === "trajectories";
  return (
    <>
      {pair && (
        <>
          <label>
            <span>How finely</span>
            <select
              value={String(settings.strength)}
              onChange={(event) => change({ strength: Number(event.currentTarget.value) as 0 | 5 | 7 })}
            >
              <option value="0">only which one</option>
              <option value="5">better or much better</option>
              <option value="7">slightly better, better or much better</option>
            </select>
          </label>
          <Switch settings={settings} change={change} name="ties">
            Ties may be given
          </Switch>
          <Switch settings={settings} change={change} name="both_bad">
            “Both bad” may be given
          </Switch>
        </>
      )}
      {settings.task === "rate" && (
        <label>
          <span>Attributes to score from 1 to 5, with commas between</span>
          <input
            type="text"
            placeholder="overall"
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
          placeholder="none"
          value={settings.reasons.join(", ")}
          onChange={(event) => change({ reasons: commas(event.currentTarget.value) })}
        />
      </label>
    </>
  );
}

const commas = (text: string): string[] => [
  ...new Set(
    text
      .split(",")
      .map((each) => each.trim())
      .filter(Boolean),
  ),
];

const Group = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <fieldset class="card form">
    <legend>{title}</legend>
    {children}
  </fieldset>
);

interface Field<Name> {
  settings: Settings;
  change: Change;
  name: Name;
  children: ComponentChildren;
}

const Count = ({
  settings,
  change,
  name,
  min = 0,
  children,
}: Field<"overlap" | "practice" | "gold_every" | "repeat_every" | "repeat_gap" | "lease_seconds"> & {
  min?: number;
}) => (
  <label>
    <span>{children}</span>
    <input
      type="number"
      required
      min={min}
      value={settings[name]}
      onInput={(event) => change({ [name]: Number(event.currentTarget.value) })}
    />
  </label>
);

const Switch = ({ settings, change, name, children }: Field<"ties" | "both_bad" | "comments" | "images">) => (
  <label class="switch">
    <input
      type="checkbox"
      checked={settings[name]}
      onChange={(event) => change({ [name]: event.currentTarget.checked })}
    />
    <span>{children}</span>
  </label>
);
