import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import { ChatTemplate, type ChatMessage, type RenderOptions } from "../../src/text/index.js";
import { data, golden, missing, readJson } from "../support/shared.js";

interface Case {
  name: string;
  inputs: { template: string; conversation: string };
  options: Record<string, unknown>;
  expected: { output?: string; error_kind?: string; error?: string };
}
interface GoldenFile {
  conversations: Record<string, { messages: ChatMessage[]; options: Record<string, unknown> }>;
  cases: Case[];
}

/** JSON.parse cannot tell 1.0 from 1, nor keep an integer above 2^53: the golden README gives these for information. */
const NOT_HANDLED = (testCase: Case): boolean =>
  testCase.inputs.conversation === "tool_arguments_python_numbers" &&
  testCase.expected.output?.includes("1e-07") === true;

function renderOptions(options: Record<string, unknown>): RenderOptions {
  const { tools, add_generation_prompt, continue_final_message, keep_none, ...variables } = options;
  return {
    tools: tools as unknown[],
    addGenerationPrompt: add_generation_prompt === true,
    continueFinalMessage: continue_final_message === true,
    keepNull: keep_none === true,
    variables,
  };
}

const path = golden("text", "chat_templates.json");
const why = missing(path) ?? missing(data("tokenizers", "chat-templates"));
describe.skipIf(why !== undefined)(
  `chat_templates.json${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    if (why !== undefined) return;
    const file = readJson<GoldenFile>(path);
    for (const testCase of file.cases) {
      const { name, inputs, options, expected } = testCase;
      it.skipIf(NOT_HANDLED(testCase))(`${name}${NOT_HANDLED(testCase) ? " (Python's numbers)" : ""}`, () => {
        const source = readFileSync(data("tokenizers", "chat-templates", inputs.template), "utf8");
        const template = new ChatTemplate(source, { name: inputs.template });
        const { messages, options: callOptions } = file.conversations[inputs.conversation]!;
        const render = (): string => template.render(messages, renderOptions({ ...callOptions, ...options }));
        if (expected.output !== undefined) expect(render()).toBe(expected.output);
        else {
          expect(render).toThrow(AttuneError);
          if (expected.error_kind === "template") expect(render).toThrow(expected.error);
        }
      });
    }
  },
);

describe("a chat template", () => {
  const user = (content: string): ChatMessage => ({ role: "user", content });
  const bare = (source: string, messages: ChatMessage[], options: RenderOptions = {}): string =>
    new ChatTemplate(source).render(messages, options);

  it("says where, and in the template's own words, why it refuses", () => {
    const source =
      "{% if messages[0]['role'] != 'system' %}{{ raise_exception('A system message, please') }}{% endif %}";
    expect(() => new ChatTemplate(source, { name: "m: chat template" }).render([user("hi")])).toThrow(
      /^m: chat template: expected a conversation.*A system message, please[^]*user/,
    );
  });

  it("refuses text that is not Jinja when it is read, not when it is used", () => {
    expect(() => new ChatTemplate("{% for x in %}")).toThrow(AttuneError);
  });

  it("knows the special tokens and the caller's own variables", () => {
    const template = new ChatTemplate("{{ bos_token }}{{ messages[0].content }}{{ mood }}", {
      variables: { bos_token: "<s>" },
    });
    expect(template.render([user("hi")], { variables: { mood: "!" } })).toBe("<s>hi!");
  });

  it("prints the date it is told, in English", () => {
    const now = new Date(2024, 6, 5, 13, 4, 9);
    expect(bare("{{ strftime_now('%d %b %Y %A %I%p %j') }}", [user("")], { now })).toBe(
      "05 Jul 2024 Friday 01PM %j",
    );
  });

  it("never joins text with something that is not text", () => {
    expect(() => bare("{{ 'x' + messages[0].content }}", [{ role: "user" }])).toThrow(AttuneError);
    expect(() =>
      bare("{{ 'x' + messages[0].content }}", [{ role: "user", content: [{ type: "text", text: "a" }] }]),
    ).toThrow(/a list/);
    expect(() => bare("{{ 'x' + 1 }}", [user("")])).toThrow(/a number/);
  });

  it("prints values as Python does", () => {
    const source =
      "{{ none }} {{ true }} {{ messages[0].meta }} {{ '' == false }} {{ 'a' ~ 1 ~ true }} {{ 0 == false }}";
    expect(bare(source, [{ role: "user", meta: { a: ["it's", 1, null, "\n"] } }])).toBe(
      `None True {'a': ["it's", 1, None, '\\n']} False a1True True`,
    );
  });

  it("reads tool-call arguments given as JSON text when told to, and only then", () => {
    const messages = [
      { role: "assistant", tool_calls: [{ function: { name: "f", arguments: '{"a": 1}' } }] },
    ];
    const source = "{{ messages[0].tool_calls[0].function.arguments | tojson }}";
    expect(bare(source, messages)).toBe('"{\\"a\\": 1}"');
    expect(bare(source, messages, { parseToolArguments: true })).toBe('{"a": 1}');
  });

  it("gives the spans that {% generation %} marks, with the same text as without", () => {
    const source =
      "{%- for m in messages %}\n  {%- if m.role == 'assistant' %}\n    {% generation %}\n{{ m.content }}<e>{% endgeneration %}\n\n  {%- else %}{{ m.content }}{% endif %}{% endfor %}";
    const template = new ChatTemplate(source);
    const messages = [
      user("q"),
      { role: "assistant", content: " a " },
      user("r"),
      { role: "assistant", content: "b" },
    ];
    const { text, spans } = template.renderMarked(messages);
    expect(text).toBe(template.render(messages));
    expect(spans.map(([start, end]) => text.slice(start, end))).toEqual([" a <e>", "b<e>"]);
  });
});
