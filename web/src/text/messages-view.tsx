/** Messages as cards: text, reasoning, tool calls, results, errors; nothing of them is executed. Knows no task. */
import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import type { Message } from "../api.js";
import { plainText } from "./plain.js";
import { TextView } from "./text-view.js";

export interface ViewOptions {
  raw?: boolean;
  images?: boolean;
}

type Kind = "message" | "user" | "system" | "call" | "result" | "error";

export function kindOf(message: Message): Kind {
  if (message.role === "tool") {
    const failed =
      message["error"] === true ||
      message["is_error"] === true ||
      /^\s*(error\b|traceback|exception\b|\{"error")/i.test(message.content ?? "");
    return failed ? "error" : "result";
  }
  if ((message.tool_calls ?? []).length > 0) return "call";
  return message.role === "user" ? "user" : message.role === "system" ? "system" : "message";
}

const names: Record<Kind, string> = {
  message: "Message",
  user: "User",
  system: "System",
  call: "Tool call",
  result: "Tool result",
  error: "Tool error",
};
const marks: Record<Kind, string> = { message: "", user: "", system: "", call: "→", result: "←", error: "!" };

/** One turn. `bare` leaves the frame out: a single answer needs none. */
export const Turn = memo(function Turn({
  message,
  number,
  bare = false,
  label,
  ...options
}: { message: Message; number?: number; bare?: boolean; label: string } & ViewOptions) {
  const kind = kindOf(message);
  const reasoning = message["reasoning_content"] ?? message["thinking"];
  const body = (
    <>
      {typeof reasoning === "string" && reasoning !== "" && <Folded title="Reasoning" text={reasoning} />}
      {message.content != null &&
        message.content !== "" &&
        (kind === "result" || kind === "error" ? (
          <Folded title={message.name ?? ""} text={message.content} open={kind === "error"} />
        ) : (
          <TextView text={message.content} label={label} {...options} />
        ))}
      {(message.tool_calls ?? []).map((each, k) => (
        <Folded key={k} title={`${each.function.name}(…)`} text={argumentsText(each.function.arguments)} />
      ))}
    </>
  );
  if (bare) return body;
  return (
    <div class={`turn ${kind}`}>
      <div class="turn-head">
        {marks[kind] && <span aria-hidden="true">{marks[kind]}</span>} {names[kind]}
        {number !== undefined && <span class="turn-number">{number}</span>}
      </div>
      {body}
    </div>
  );
});

const argumentsText = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value, null, 2);

/** One line until opened. */
function Folded({ title, text, open = false }: { title: string; text: string; open?: boolean }) {
  const [shown, setShown] = useState(open);
  const line = plainText(text.slice(0, 160)).replace(/\s+/g, " ");
  if (text.length < 90 && !text.includes("\n")) {
    return (
      <div class="folded">
        <code>
          {title && <b>{title} </b>}
          {plainText(text)}
        </code>
      </div>
    );
  }
  return (
    <div class="folded">
      <button type="button" class="fold" aria-expanded={shown} onClick={() => setShown(!shown)}>
        <span aria-hidden="true">{shown ? "▾" : "▸"}</span>{" "}
        <code>
          {title && <b>{title} </b>}
          {shown ? "" : line}
        </code>
      </button>
      {shown && <TextView text={text} raw label={title || "this result"} />}
    </div>
  );
}

export function Conversation({
  messages,
  label,
  ...options
}: { messages: readonly Message[]; label: string } & ViewOptions) {
  const single = messages.length === 1 && kindOf(messages[0]!) !== "call";
  return (
    <>
      {messages.map((message, k) => (
        <Turn
          key={k}
          message={message}
          bare={single}
          label={label}
          {...options}
          {...(!single && { number: k + 1 })}
        />
      ))}
    </>
  );
}
