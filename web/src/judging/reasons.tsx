/** Why: reasons to tick, and a comment in words. */
import type { RefObject } from "preact";
import type { Answer, Project } from "../api.js";
import { hint } from "../keys.js";

export function Reasons({
  reasons,
  answer,
  onAnswer,
}: {
  reasons: Project["settings"]["reasons"];
  answer: Answer;
  onAnswer: (part: Partial<Answer>) => void;
}) {
  if (reasons.length === 0) return null;
  const given = answer.reasons ?? [];
  return (
    <div class="row" role="group" aria-label="Reasons">
      <span class="muted">Because it is</span>
      {reasons.map((reason) => {
        const on = given.includes(reason);
        return (
          <button
            key={reason}
            type="button"
            class={on ? "chip on" : "chip"}
            aria-pressed={on}
            onClick={() =>
              onAnswer({ reasons: on ? given.filter((each) => each !== reason) : [...given, reason] })
            }
          >
            {reason}
          </button>
        );
      })}
    </div>
  );
}

export const Comment = ({
  answer,
  onAnswer,
  field,
}: {
  answer: Answer;
  onAnswer: (part: Partial<Answer>) => void;
  field: RefObject<HTMLTextAreaElement | null>;
}) => (
  <label class="comment">
    <span>
      Comment <kbd>{hint("comment")}</kbd>
    </span>
    <textarea
      ref={field}
      rows={1}
      dir="auto"
      maxLength={20_000}
      placeholder="Optional"
      value={answer.comment ?? ""}
      onInput={(event) => onAnswer({ comment: event.currentTarget.value || undefined })}
    />
  </label>
);
