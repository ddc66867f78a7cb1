/**
 * Renders a conversation with a model's own Jinja chat template, as transformers does; knows no tokens.
 *
 * The environment is transformers': `trim_blocks`, `lstrip_blocks`, `tojson`, `raise_exception`, `strftime_now`, and the
 * variables `messages`, `tools`, `documents`, `add_generation_prompt`, the special tokens and the caller's own.
 */
import { AttuneError } from "../errors.js";
import { normaliseMessages, type ChatMessage } from "./chat-message.js";
import { generationMarks, type MarkedText, markGeneration } from "./generation-marks.js";
import { parseTemplate, renderTemplate, type Node } from "./python-interpreter.js";
import { strftime } from "./strftime.js";

export interface RenderOptions {
  /** Functions the model may call, as JSON schemas. Default none (`tools` is none in the template). */
  tools?: readonly unknown[];
  /** Documents for retrieval templates. Default none. */
  documents?: readonly unknown[];
  /** End with the header of an assistant turn. Default false. */
  addGenerationPrompt?: boolean;
  /** Leave the last message open, so that the model goes on with it. Default false. */
  continueFinalMessage?: boolean;
  /** Further variables of the template, such as `enable_thinking` or `date_string`. */
  variables?: Readonly<Record<string, unknown>>;
  /** Give null values of a message to the template; transformers 5 leaves them out. Default false. */
  keepNull?: boolean;
  /**
   * Read tool-call arguments given as JSON text (the OpenAI API's form) before rendering, for templates that print them
   * with `tojson` and would quote them twice. Default false, as transformers; DeepSeek's template wants the text.
   */
  parseToolArguments?: boolean;
  /** What `strftime_now` calls now. Default: the clock, which makes templates that print the date change overnight. */
  now?: Date;
}

/** Appended to a message that is to be continued, to find its end after the template has had its way. */
const CONTINUE = "CONTINUE_FINAL_MESSAGE_TAG ";

const CONSTANTS = { false: false, true: true, none: null, False: false, True: true, None: null };

/** Thrown by the template's own `raise_exception`. */
class TemplateRaised extends Error {}

export class ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  /** For messages: the template's name, or where it was found. */
  readonly name: string;
  /** Whether the template marks the assistant's text with `{% generation %}`. */
  readonly marksGeneration: boolean;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #program: Node;
  #marked: Node | undefined;

  /**
   * @param source Jinja text.
   * @param options `name` for error messages; `variables` the special tokens, `bos_token` and so on.
   * @throws AttuneError `tokenizer` when the source is not Jinja.
   */
  constructor(source: string, options: { name?: string; variables?: Readonly<Record<string, string>> } = {}) {
    this.source = source;
    this.name = options.name ?? "chat template";
    this.#variables = options.variables ?? {};
    this.marksGeneration = /\{%-?\s*generation\s*-?%\}/.test(source);
    this.#program = this.#parse(source);
  }

  /**
   * The conversation as one text.
   *
   * @throws AttuneError `tokenizer` with the template's own words when it raises, and when the conversation is empty or
   *   cannot be continued.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): string {
    return this.#render(this.#program, messages, options);
  }

  /** The conversation and the spans that the template's `{% generation %}` marks; none where it has no such tags. */
  renderMarked(messages: readonly ChatMessage[], options: RenderOptions = {}): MarkedText {
    if (!this.marksGeneration) return { text: this.render(messages, options), spans: [] };
    this.#marked ??= this.#parse(markGeneration(this.source));
    return generationMarks(this.#render(this.#marked, messages, options));
  }

  #render(program: Node, messages: readonly ChatMessage[], options: RenderOptions): string {
    const { addGenerationPrompt = false, continueFinalMessage = false } = options;
    const last = messages.at(-1);
    if (last === undefined) this.#refuse("at least one message", "an empty conversation");
    if (addGenerationPrompt && continueFinalMessage) {
      this.#refuse(
        "addGenerationPrompt or continueFinalMessage",
        "both",
        "continue the last message, or open a new one",
      );
    }
    const chat = normaliseMessages(messages, options);
    if (!continueFinalMessage) return this.#run(program, chat, options);
    const final = finalText(last);
    if (final === undefined) this.#refuse("text in the message to continue", "none");
    const tagged = this.#run(
      program,
      [...chat.slice(0, -1), withFinalText(chat.at(-1)!, final + CONTINUE)],
      options,
    );
    const at = tagged.lastIndexOf(CONTINUE.trim());
    if (at < 0 || !tagged.includes(final.trim())) {
      this.#refuse("the message to continue in the rendered text", "a rendering without it");
    }
    // Where the template trimmed the tag's own space it also would have trimmed the message's.
    const kept = tagged.startsWith(CONTINUE, at);
    return kept ? tagged.slice(0, at) : tagged.slice(0, at).trimEnd();
  }

  #run(program: Node, messages: readonly ChatMessage[], options: RenderOptions): string {
    const { tools, documents, addGenerationPrompt = false, variables = {}, now = new Date() } = options;
    const globals: Record<string, unknown> = {
      ...CONSTANTS,
      range,
      raise_exception: raise,
      strftime_now: (format: string) => strftime(now, format),
      ...this.#variables,
      messages,
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    };
    try {
      return renderTemplate(program, globals);
    } catch (cause) {
      const raised = cause instanceof TemplateRaised;
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new AttuneError("tokenizer", {
        where: this.name,
        expected: raised
          ? "a conversation that the template accepts"
          : "a conversation that the template can render",
        got: raised ? `its refusal: ${text}` : text,
        fix: `roles were: ${messages.map((message) => message.role).join(", ")}; change the rows or use another template`,
        cause,
      });
    }
  }

  #parse(source: string): Node {
    try {
      return parseTemplate(source);
    } catch (cause) {
      throw new AttuneError("tokenizer", {
        where: this.name,
        expected: "a Jinja chat template",
        got: cause instanceof Error ? cause.message : String(cause),
        cause,
      });
    }
  }

  #refuse(expected: string, got: string, fix?: string): never {
    throw new AttuneError("tokenizer", { where: this.name, expected, got, fix });
  }
}

function raise(message: unknown): never {
  throw new TemplateRaised(String(message));
}

function range(from: number, to?: number, step = 1): number[] {
  const [start, stop] = to === undefined ? [0, from] : [from, to];
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** The text that a continued message ends with: its content, or its last text part. */
function finalText(message: ChatMessage): string | undefined {
  const { content } = message;
  if (typeof content === "string") return content;
  return content?.findLast((part) => typeof part.text === "string")?.text;
}

function withFinalText(message: ChatMessage, text: string): ChatMessage {
  if (!Array.isArray(message.content)) return { ...message, content: text };
  const at = message.content.findLastIndex((part) => typeof part.text === "string");
  return { ...message, content: message.content.map((part, i) => (i === at ? { ...part, text } : part)) };
}
