/**
 * Finds the assistant's own text in a rendered conversation, without `{% generation %}` tags in the template, by
 * rendering it again with less or with other text; knows no tokens.
 *
 * A span starts where the generation prompt ends and ends with the terminator of the turn, exactly what the model has
 * to write. The newline that templates put after the terminator is not part of it: nothing is generated after a stop.
 */
import type { ChatMessage } from "./chat-message.js";
import type { ChatTemplate, RenderOptions } from "./chat-template.js";
import type { MarkedText } from "./generation-marks.js";

/** A noncharacter that stands for a message's text; no template looks for it and no text holds it. */
export const PROBE = "\ufdd3";

/**
 * The rendered conversation and the spans of its assistant turns.
 *
 * @param conversation `terminator`: what ends an assistant turn (`endOfTurn`); none when the template has none.
 */
export function assistantSpans(
  template: ChatTemplate,
  conversation: { messages: readonly ChatMessage[]; terminator: string },
  options: RenderOptions = {},
): MarkedText {
  const { messages, terminator } = conversation;
  if (template.marksGeneration) return template.renderMarked(messages, options);
  const text = template.render(messages, options);
  const spans: [number, number][] = [];
  messages.forEach((message, index) => {
    if (message.role !== "assistant") return;
    const span = turnSpan(template, { messages, index, text }, options);
    if (span === undefined) return;
    const [start, end] = span;
    spans.push([
      start,
      terminator !== "" && text.startsWith(terminator, end) ? end + terminator.length : end,
    ]);
  });
  return { text, spans };
}

interface Turn {
  messages: readonly ChatMessage[];
  index: number;
  text: string;
}

/** Start and end of one turn's text, the terminator not included. */
function turnSpan(template: ChatTemplate, turn: Turn, options: RenderOptions): [number, number] | undefined {
  const { messages, index, text } = turn;
  const before = attempt(() =>
    template.render(messages.slice(0, index), { ...options, addGenerationPrompt: true }),
  );
  const opened = before !== undefined && text.startsWith(before) ? before.length : undefined;
  const content = contentSpan(template, turn, options);
  if (content !== undefined) {
    // The generation prompt may open a thought that the answer has too: what the prompt gives, the model need not write.
    return [Math.min(opened ?? content[0], content[1]), content[1]];
  }
  if (opened === undefined) return undefined;
  // The template cannot do without the message as it is (it checks ids of tool calls, say): up to where it closes.
  const upTo = attempt(() => template.render(messages.slice(0, index + 1), options));
  return upTo === undefined || !text.startsWith(upTo) ? undefined : [opened, upTo.length];
}

/** What changes when the message says something else. */
function contentSpan(
  template: ChatTemplate,
  turn: Turn,
  options: RenderOptions,
): [number, number] | undefined {
  const { messages, index, text } = turn;
  const content = Array.isArray(messages[index]!.content) ? [{ type: "text", text: PROBE }] : PROBE;
  const changed = messages.map((message, i) => (i === index ? { role: message.role, content } : message));
  const probe = attempt(() => template.render(changed, options));
  const at = probe?.indexOf(PROBE) ?? -1;
  if (probe === undefined || at < 0 || !text.startsWith(probe.slice(0, at))) return undefined;
  const rest = probe.slice(at + PROBE.length);
  const end = text.length - rest.length;
  return end >= at && text.endsWith(rest) ? [at, end] : undefined;
}

/** A rendering that the template refuses tells us nothing; the whole conversation's refusal was shown already. */
function attempt(render: () => string): string | undefined {
  try {
    return render();
  } catch {
    return undefined;
  }
}

/** 1 for every token that overlaps a span, by the tokens' exact offsets; both in UTF-16 units. */
export function maskOfSpans(
  offsets: readonly (readonly [number, number])[],
  spans: readonly (readonly [number, number])[],
): number[] {
  return offsets.map(([start, end]) =>
    spans.some(([from, to]) => start < to && end > from && start < end) ? 1 : 0,
  );
}
