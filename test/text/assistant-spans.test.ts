/** Masks without markers, on the chat templates of seven real models. */
import { readFileSync, readdirSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  ChatTemplate,
  assistantSpans,
  endOfTurn,
  loadTokenizer,
  maskOfSpans,
  stopTokenIds,
  type ChatMessage,
  type RenderOptions,
  type Tokenizer,
} from "../../src/text/index.js";
import { trainByteLevelBpe } from "../../src/text/index.js";
import { data, missing } from "../support/shared.js";

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const tools = [
  {
    type: "function",
    function: { name: "f", description: "f", parameters: { type: "object", properties: {} } },
  },
];

/** What ends an assistant's turn in each, read in the templates by hand. */
const TERMINATORS: Record<string, string> = {
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": "<|im_end|>",
  "Qwen-Qwen2.5-7B-Instruct": "<|im_end|>",
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "<｜end▁of▁sentence｜>",
  "google-gemma-2-2b-it": "<end_of_turn>",
  "meta-llama-Llama-3.2-3B-Instruct": "<|eot_id|>",
  "microsoft-Phi-3.5-mini-instruct": "<|end|>",
  "mistralai-Mistral-Nemo-Instruct-2407": "</s>",
};

const folder = data("tokenizers", "chat-templates");
const why = missing(folder);
describe.skipIf(why !== undefined)(
  `assistant spans of real templates${why === undefined ? "" : ` (skipped: ${why})`}`,
  () => {
    if (why !== undefined) return;
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      const special = [
        ...new Set(Object.values(TERMINATORS)),
        "<|endoftext|>",
        "<|im_start|>",
        "<｜User｜>",
        "<|user|>",
      ];
      const json = trainByteLevelBpe(["the words of a test"], {
        vocabSize: 256 + special.length,
        specialTokens: special,
      });
      tokenizer = await loadTokenizer({
        tokenizerJson: json,
        tokenizerConfig: { eos_token: "<|endoftext|>" },
      });
    });
    for (const file of readdirSync(folder)) {
      const name = file.replace(".jinja", "");
      const variables = {
        bos_token: "<s>",
        eos_token: name.startsWith("deepseek")
          ? TERMINATORS[name]!
          : name.startsWith("mistral")
            ? "</s>"
            : "<|endoftext|>",
      };
      const template = new ChatTemplate(readFileSync(data("tokenizers", "chat-templates", file), "utf8"), {
        name,
        variables,
      });
      const options: RenderOptions = {
        ...(name.startsWith("Nous") ? { tools } : {}),
        variables: { date_string: "26 Jul 2024" },
      };
      const spansOf = async (messages: ChatMessage[]): Promise<string[]> => {
        const terminator = (await endOfTurn(tokenizer, template)).text;
        const { text, spans } = assistantSpans(template, { messages, terminator }, options);
        return spans.map(([start, end]) => text.slice(start, end));
      };

      it(`${name}: finds the end of a turn, and stops there`, async () => {
        const turn = await endOfTurn(tokenizer, template);
        expect(turn.text).toBe(TERMINATORS[name]);
        expect(turn.id).toBe(tokenizer.tokenToId(TERMINATORS[name]!));
        expect(await stopTokenIds(tokenizer, template)).toContain(turn.id);
      });

      it(`${name}: every assistant turn of a conversation, with its terminator`, async () => {
        const end = TERMINATORS[name]!;
        const messages = [
          user("Who?"),
          assistant("Ana."),
          user("And then?"),
          assistant("Ivo, 小林 😀!"),
          user("Ana."),
          assistant("ok"),
        ];
        expect(await spansOf(messages)).toEqual([`Ana.${end}`, `Ivo, 小林 😀!${end}`, `ok${end}`]);
      });

      it(`${name}: not the last words of a user who says what the assistant said`, async () => {
        const end = TERMINATORS[name]!;
        expect(await spansOf([user(`same${end}`), assistant("same"), user("same")])).toEqual([`same${end}`]);
      });
    }

    it("an assistant turn that is a tool call", async () => {
      const template = new ChatTemplate(
        readFileSync(data("tokenizers", "chat-templates", "Qwen-Qwen2.5-7B-Instruct.jinja"), "utf8"),
      );
      const messages: ChatMessage[] = [
        user("weather?"),
        {
          role: "assistant",
          content: "",
          tool_calls: [{ type: "function", function: { name: "f", arguments: { a: 1 } } }],
        },
        { role: "tool", content: "3" },
        assistant("Cold."),
      ];
      const { text, spans } = assistantSpans(template, { messages, terminator: "<|im_end|>" }, { tools });
      expect(spans.map(([start, end]) => text.slice(start, end))).toEqual([
        '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call><|im_end|>',
        "Cold.<|im_end|>",
      ]);
    });
  },
);

describe("assistant spans of odd templates", () => {
  const chatml = (body: string, prompt = "<A>"): ChatTemplate =>
    new ChatTemplate(
      `{% for m in messages %}{% if m.role == 'assistant' %}<A>${body}<E>\n{% else %}<U>{{ m.content }}<E>\n{% endif %}{% endfor %}{% if add_generation_prompt %}${prompt}{% endif %}`,
    );
  const spansOf = (template: ChatTemplate, messages: ChatMessage[]): string[] => {
    const { text, spans } = assistantSpans(template, { messages, terminator: "<E>" });
    return spans.map(([start, end]) => text.slice(start, end));
  };

  it("does not train thoughts that the template takes out of earlier turns", () => {
    const template = chatml(
      "{% if loop.last %}{{ m.content }}{% else %}{{ m.content.split('</t>')[-1] }}{% endif %}",
    );
    const messages = [user("q"), assistant("<t>hm</t>a"), user("q"), assistant("<t>hm</t>b")];
    expect(spansOf(template, messages)).toEqual(["a<E>", "<t>hm</t>b<E>"]);
  });

  it("does not train what the generation prompt gives already", () => {
    expect(spansOf(chatml("{{ m.content }}", "<A><t>"), [user("q"), assistant("<t>hm</t>a")])).toEqual([
      "hm</t>a<E>",
    ]);
    expect(spansOf(chatml("{{ m.content }}", "<A><t>"), [user("q"), assistant("<b>a")])).toEqual(["<b>a<E>"]);
  });

  it("trains the space that the template puts before the answer, unless the prompt ends with it", () => {
    expect(spansOf(chatml(" {{ m.content }}"), [user("q"), assistant("a")])).toEqual([" a<E>"]);
    expect(spansOf(chatml(" {{ m.content }}", "<A> "), [user("q"), assistant("a")])).toEqual(["a<E>"]);
  });

  it("finds turns whose beginning changes with what follows", () => {
    const template = new ChatTemplate(
      "{% for m in messages %}{% if loop.index0 == messages|length - 1 and m.role == 'user' %}[last]{% endif %}{{ m.content }}{{ '<E>' if m.role == 'assistant' }}{% endfor %}",
    );
    expect(spansOf(template, [user("q"), assistant("a"), user("r")])).toEqual(["a<E>"]);
  });

  it("marks a token that overlaps the span, however little", () => {
    const offsets: [number, number][] = [
      [0, 2],
      [2, 5],
      [5, 5],
      [5, 7],
    ];
    expect(maskOfSpans(offsets, [[4, 5]])).toEqual([0, 1, 0, 0]);
    expect(maskOfSpans(offsets, [[1, 2]])).toEqual([1, 0, 0, 0]);
  });
});
