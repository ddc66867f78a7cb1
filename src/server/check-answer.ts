/** Whether an answer answers what was asked: the task's kind of outcome, its candidates, the project's scale. Knows no store. */
import type { Answer, ProjectSettings, Task } from "./api-schemas.js";
import { shownMessage } from "./shown-message.js";
import { Refusal } from "./refusal.js";

export interface CheckOptions {
  settings: ProjectSettings;
  /** Ids as the answer names them, in the order in which they were shown. */
  candidates: readonly string[];
}

type Outcome = NonNullable<Answer["outcome"]>;

const outcomes: Readonly<Record<Task, Outcome["type"]>> = {
  pair: "pair",
  trajectories: "pair",
  rank: "rank",
  rate: "rate",
  thumbs: "rate",
  rewrite: "rewrite",
  steps: "step",
};

const invalid = (expected: string, got: string): Refusal =>
  new Refusal("invalid", `answer: expected ${expected.slice(0, 500)}, got ${got.slice(0, 200)}`);

/** Throws `invalid`. Gives the answer as it is kept. */
export function checkAnswer(answer: Answer, options: CheckOptions): Answer {
  const { outcome, skipped, tie } = answer;
  checkAttributes(answer, options);
  if (skipped !== undefined) {
    if (outcome !== undefined) throw invalid("an outcome or a skip", "both");
    return answer;
  }
  if (outcome === undefined) throw invalid("an outcome or a skip", "neither");
  const { task } = options.settings;
  if (outcome.type !== outcomes[task])
    throw invalid(`an outcome of type ${outcomes[task]} for the task ${task}`, outcome.type);
  if (tie != null && (outcome.type !== "pair" || outcome.chosen !== null))
    throw invalid("no tie beside a choice", tie);
  checkOutcome(outcome, answer, options);
  return outcome.type === "rewrite"
    ? { ...answer, outcome: { ...outcome, messages: outcome.messages.map(shownMessage) } }
    : answer;
}

function checkOutcome(outcome: Outcome, answer: Answer, { settings, candidates }: CheckOptions): void {
  const known = (id: string): void => {
    if (!candidates.includes(id)) throw invalid(`a candidate of ${candidates.join(", ")}`, id.slice(0, 50));
  };
  switch (outcome.type) {
    case "pair":
      return checkPair(outcome, answer, { settings, known });
    case "rank": {
      const ids = outcome.order.flat();
      for (const id of ids) known(id);
      if (new Set(ids).size < ids.length)
        throw invalid("each candidate once", outcome.order.map((tied) => tied.join("=")).join(" > "));
      // It would be another ranking in the tallies.
      if (outcome.order.some((tied) => tied.length === 0))
        throw invalid("places with candidates", "an empty one");
      if (ids.length < Math.min(2, candidates.length))
        throw invalid("at least two candidates", String(ids.length));
      if (!settings.ties && outcome.order.some((tied) => tied.length > 1)) throw invalid("no ties", "some");
      return;
    }
    case "rate": {
      known(outcome.candidate);
      if (settings.task === "thumbs" && ![-1, 0, 1].includes(outcome.score))
        throw invalid("1 (good) or 0 (bad)", String(outcome.score));
      if (settings.task === "rate") checkScore(outcome.score, scalesOf(settings));
      return;
    }
    case "step": {
      known(outcome.candidate);
      const { labels } = outcome;
      const wrong = labels.find((label) => label !== null && (label < -1 || label > 1));
      if (wrong !== undefined) throw invalid("labels from -1 to 1", String(wrong));
      if (labels.length > 10_000 || labels.every((label) => label === null))
        throw invalid("1 to 10000 steps, one of them labelled", String(labels.length));
      return;
    }
    case "rewrite":
      known(outcome.candidate);
      if (outcome.messages.every(({ content }) => (content ?? "").trim() === ""))
        throw invalid("a text", "nothing");
  }
}

function checkPair(
  { chosen, rejected }: Extract<Outcome, { type: "pair" }>,
  { tie, strength }: Answer,
  { settings, known }: { settings: ProjectSettings; known: (id: string) => void },
): void {
  if (chosen === null || rejected === null) {
    if (chosen !== rejected) throw invalid("both candidates, or neither for a tie", "one");
    if (tie === "both_bad" ? !settings.both_bad : !settings.ties)
      throw invalid(`no ${tie === "both_bad" ? '"both bad"' : "ties"} in this project`, "one");
    if (strength) throw invalid("no strength beside a tie", String(strength));
    return;
  }
  known(chosen);
  known(rejected);
  if (chosen === rejected) throw invalid("two different candidates", chosen);
  const most = { 0: 0, 5: 2, 7: 3 }[settings.strength];
  if (strength != null && Math.abs(strength) > most)
    throw invalid(`a strength of at most ${most}`, String(strength));
}

type Scale = Pick<ProjectSettings["attributes"][number], "name" | "min" | "max">;

const scalesOf = ({ attributes }: ProjectSettings): readonly Scale[] =>
  attributes.length > 0 ? attributes : [{ name: "overall", min: 1, max: 5 }];

/** A whole score is a mean over the scales. */
function checkScore(score: number, scales: readonly Scale[]): void {
  const [least, most] = [
    Math.min(...scales.map(({ min }) => min)),
    Math.max(...scales.map(({ max }) => max)),
  ];
  if (score < least || score > most) throw invalid(`a score from ${least} to ${most}`, String(score));
}

/** Scores only of what is asked, within its scale. */
function checkAttributes({ attributes = {} }: Answer, { settings, candidates }: CheckOptions): void {
  const scales = scalesOf(settings);
  for (const [name, scores] of Object.entries(attributes)) {
    const scale = scales.find((each) => each.name === name);
    if (scale === undefined)
      throw invalid(`attributes of ${scales.map((each) => each.name).join(", ")}`, name.slice(0, 50));
    for (const [id, score] of Object.entries(scores)) {
      if (!candidates.includes(id)) throw invalid(`a candidate of ${candidates.join(", ")}`, id.slice(0, 50));
      if (score < scale.min || score > scale.max)
        throw invalid(`${name} from ${scale.min} to ${scale.max}`, String(score));
    }
  }
}
