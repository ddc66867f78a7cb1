/** The one question about two answers: a scale from A to B as native radios, ties and "both bad". Knows answers, no network. */
import type { Answer, Project } from "../api.js";
import { hint, useKeys } from "../keys.js";
import type { FormProps } from "../tasks/form.js";

type Settings = Project["settings"];
interface Point {
  /** Negative: the first shown is better; 0: tie. */
  value: number;
  label: string;
}

function pointsOf({ strength, ties }: Settings): Point[] {
  const words: Record<number, string[]> = {
    0: ["better"],
    5: ["better", "much better"],
    7: ["slightly better", "better", "much better"],
  };
  const degrees = words[strength] ?? words[7]!;
  const side = (name: string, sign: number): Point[] =>
    degrees.map((word, k) => ({ value: sign * (k + 1), label: `${name} ${word}` }));
  return [...side("A", -1).toReversed(), ...(ties ? [{ value: 0, label: "Tie" }] : []), ...side("B", 1)];
}

/** The answer that a point stands for; sides become ids here and nowhere else. */
function pairAnswer(
  value: number | "both_bad",
  { ids, settings }: { ids: readonly [string, string]; settings: Settings },
): Partial<Answer> {
  if (value === "both_bad" || value === 0) {
    return {
      outcome: { type: "pair", chosen: null, rejected: null },
      tie: value === 0 ? "equal" : "both_bad",
      strength: null,
    };
  }
  const [chosen, rejected] = value < 0 ? ids : [ids[1], ids[0]];
  return {
    outcome: { type: "pair", chosen, rejected },
    tie: null,
    strength: settings.strength === 0 ? null : value,
  };
}

function pointOf(answer: Answer, ids: readonly [string, string]): number | "both_bad" | null {
  if (answer.tie === "both_bad") return "both_bad";
  if (answer.tie) return 0;
  if (answer.outcome?.type !== "pair") return null;
  return answer.strength ?? (answer.outcome.chosen === ids[0] ? -1 : 1);
}

function ChoiceBar({
  settings,
  chosen,
  onChoose,
}: {
  settings: Settings;
  chosen: number | "both_bad" | null;
  onChoose: (value: number | "both_bad") => void;
}) {
  const points = pointsOf(settings);
  return (
    <fieldset class={`scale degrees-${points.filter(({ value }) => value > 0).length}`}>
      <legend class="visually-hidden">Which response is better?</legend>
      {points.map(({ value, label }, k) => (
        <label key={value} class={`point ${chosen === value ? "on" : ""} side-${Math.sign(value)}`}>
          <input
            type="radio"
            name="scale"
            checked={chosen === value}
            onChange={() => onChoose(value)}
            aria-keyshortcuts={String(k + 1)}
          />
          <span class="point-label">{label}</span>
          <kbd>{k + 1}</kbd>
        </label>
      ))}
      {settings.both_bad && (
        <label class={`point both-bad ${chosen === "both_bad" ? "on" : ""}`}>
          <input
            type="radio"
            name="scale"
            checked={chosen === "both_bad"}
            onChange={() => onChoose("both_bad")}
            aria-keyshortcuts={hint("bothBad")}
          />
          <span class="point-label">Both bad</span>
          <kbd>{hint("bothBad")}</kbd>
        </label>
      )}
    </fieldset>
  );
}

/** The bar as the form of a task: digits, arrows, tie and "both bad" by key. */
export function PairForm({ candidates, settings, answer, onAnswer }: FormProps) {
  const ids = [candidates[0]?.id ?? "", candidates[1]?.id ?? ""] as const;
  const chosen = pointOf(answer, ids);
  const points = pointsOf(settings);
  const choose = (value: number | "both_bad"): void =>
    onAnswer({ ...pairAnswer(value, { ids, settings }), skipped: undefined });
  /** Along the scale; from nothing, or from "both bad", to the first point on that side of the middle. */
  const step = (by: 1 | -1): void => {
    const place = points.findIndex(({ value }) => value === chosen);
    const next = place === -1 ? points.findIndex(({ value }) => value === by) : place + by;
    if (points[next]) choose(points[next].value);
  };
  useKeys({
    digit: (key) => {
      const point = points[Number(key) - 1];
      if (point) choose(point.value);
    },
    left: () => step(-1),
    right: () => step(1),
    tie: () => settings.ties && choose(0),
    bothBad: () => settings.both_bad && choose("both_bad"),
  });
  return <ChoiceBar settings={settings} chosen={chosen} onChoose={choose} />;
}
