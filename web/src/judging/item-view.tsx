/** An item as it is shown: the prompt, the tools there were, the answers side by side. Knows no answer that was given. */
import { useMemo } from "preact/hooks";
import type { Candidate, ShownItem } from "../api.js";
import { letter } from "../tasks/form.js";
import { differences, type Piece } from "../text/differences.js";
import { Conversation, type ViewOptions } from "../text/messages-view.js";
import { plainText } from "../text/plain.js";

export function PromptView({
  item,
  ...options
}: { item: Pick<ShownItem, "prompt" | "tools"> } & ViewOptions) {
  return (
    <section class="prompt" aria-label="Prompt" tabIndex={0}>
      <Conversation messages={item.prompt} label="the prompt" {...options} />
      {item.tools !== undefined && item.tools.length > 0 && (
        <details class="tools">
          <summary>
            {item.tools.length} {item.tools.length === 1 ? "tool" : "tools"} could be called
          </summary>
          <ul>
            {item.tools.map(({ function: { name, description } }) => (
              <li key={name}>
                <code>{name}</code> {description}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

/** `compare`: raw text, with the words marked that the other answer lacks. */
export function Panes({
  candidates,
  compare = false,
  ...options
}: { candidates: readonly Candidate[]; compare?: boolean } & ViewOptions) {
  const texts = candidates.map(({ messages }) => messages.map(({ content }) => content ?? "").join("\n\n"));
  const pieces = useMemo(
    () => (compare && texts.length === 2 ? differences(texts[0]!, texts[1]!) : null),
    [compare, ...texts],
  );
  return (
    <div class={`panes n${Math.min(candidates.length, 4)}`}>
      {candidates.map(({ id, messages }, k) => (
        <section key={id} class="pane" aria-labelledby={`pane-${k}`}>
          <h2 id={`pane-${k}`}>Response{candidates.length > 1 ? ` ${letter(k)}` : ""}</h2>
          <div class="pane-text" tabIndex={0} role="group" aria-labelledby={`pane-${k}`}>
            {pieces === null ? (
              <Conversation messages={messages} label={`response ${letter(k)}`} {...options} />
            ) : (
              <Compared pieces={pieces[k as 0 | 1]} />
            )}
          </div>
        </section>
      ))}
    </div>
  );
}

const Compared = ({ pieces }: { pieces: readonly Piece[] }) => (
  <div class="plain compared" dir="auto">
    {pieces.map(({ text, own }, k) => (own ? <mark key={k}>{plainText(text)}</mark> : plainText(text)))}
  </div>
);
