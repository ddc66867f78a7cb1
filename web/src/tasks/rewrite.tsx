/** One answer, corrected: what is written becomes the chosen one, the original the rejected. */
import type { FormProps } from "./form.js";

export function RewriteForm({ candidates, answer, onAnswer }: FormProps) {
  const { id, messages } = candidates[0]!;
  const last = messages.at(-1);
  const text =
    answer.outcome?.type === "rewrite"
      ? (answer.outcome.messages.at(-1)?.content ?? "")
      : (last?.content ?? "");
  return (
    <label class="rewrite">
      <span>Your version{candidates.length > 1 ? " of response A" : ""}</span>
      <textarea
        rows={8}
        dir="auto"
        value={text}
        onInput={(event) =>
          onAnswer({
            outcome: {
              type: "rewrite",
              candidate: id,
              messages: [...messages.slice(0, -1), { role: "assistant", content: event.currentTarget.value }],
            },
          })
        }
      />
    </label>
  );
}
