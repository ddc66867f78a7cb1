import { beforeAll, describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import {
  ChatTemplate,
  auditRows,
  loadTokenizer,
  renderColoured,
  renderExample,
  requirePrefix,
  tokenizeMessages,
  tokenizePreference,
  tokenizePromptCompletion,
  tokenizeRows,
  tokenizeText,
  trainByteLevelBpe,
  type ChatMessage,
  type ConversationalRow,
  type Tokenizer,
} from "../../src/text/index.js";
import { golden, missing, readJson } from "../support/shared.js";

const CHATML =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const specialTokens = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"];
const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });

let tokenizer: Tokenizer;
let noTerminator: Tokenizer;
beforeAll(async () => {
  const texts = ["the answer is the ice of the lake", "the answer is the lake"];
  const tokenizerJson = trainByteLevelBpe(texts, { vocabSize: 290, specialTokens });
  tokenizer = await loadTokenizer({
    tokenizerJson,
    tokenizerConfig: { bos_token: "<s>", eos_token: "</s>" },
    chatTemplate: CHATML,
  });
  noTerminator = await loadTokenizer({
    tokenizerJson: trainByteLevelBpe(texts, { vocabSize: 290, specialTokens: ["<s>", "</s>"] }),
    tokenizerConfig: { eos_token: "</s>" },
    chatTemplate: CHATML,
  });
});
const templateOf = (each: Tokenizer): ChatTemplate => new ChatTemplate(each.chatTemplates.get("default")!);

describe("the end-of-turn audit", () => {
  const messages = [user("q"), assistant("the lake"), user("q"), assistant("ice")];

  it("counts the assistant turns that end with the template's terminator", async () => {
    const audit = await auditRows(tokenizer, [await tokenizeMessages(tokenizer, { messages })], {
      template: templateOf(tokenizer),
    });
    expect(audit).toMatchObject({
      rows: 1,
      targets: 2,
      terminated: 2,
      terminatedShare: 1,
      terminator: "<|im_end|>",
      warnings: [],
    });
    expect(audit.stopIds).toEqual([1, 3]);
    expect(audit.trainedShare).toBeGreaterThan(0);
    expect(audit.trainedShare).toBeLessThan(1);
  });

  it("sees past the newline after the terminator of a completion trained whole", async () => {
    const row = await tokenizePromptCompletion(tokenizer, {
      prompt: [user("q")],
      completion: [assistant("a")],
    });
    expect((await auditRows(tokenizer, [row], { template: templateOf(tokenizer) })).terminatedShare).toBe(1);
  });

  it("warns when targets were cut or marked without their end", async () => {
    const row = await tokenizeText(tokenizer, { text: "the lake" }, { appendEos: false });
    const audit = await auditRows(tokenizer, [row, await tokenizeText(tokenizer, { text: "the lake" })]);
    expect(audit.terminatedShare).toBe(0.5);
    expect(audit.warnings).toEqual([expect.stringMatching(/only 50% of the targets end with "<\/s>"/)]);
  });

  it("warns when the terminator is no token at which generation can stop", async () => {
    const rows = [await tokenizeMessages(noTerminator, { messages })];
    const audit = await auditRows(noTerminator, rows, { template: templateOf(noTerminator) });
    expect(audit.terminatedShare).toBe(0);
    expect(audit.warnings).toEqual([expect.stringMatching(/"<\|im_end\|>", which is no single token/)]);
  });

  it("counts rows that begin with bos twice", async () => {
    const audit = await auditRows(tokenizer, [
      await tokenizePromptCompletion(tokenizer, { prompt: "<s><s>the", completion: " lake" }),
      await tokenizePromptCompletion(tokenizer, { prompt: "<s>the", completion: " lake" }),
    ]);
    expect(audit.doubleBos).toBe(1);
    expect(audit.warnings).toEqual([expect.stringMatching(/1 rows start with the bos token twice/)]);
  });
});

describe("the prefix check", () => {
  it("names the tokens that differ, and the mend", async () => {
    const row = await tokenizePromptCompletion(tokenizer, {
      prompt: "the answer is ",
      completion: "the lake",
    });
    expect(row.prefixBreaks).toHaveLength(1);
    expect(tokenizer.decode(row.prompt)).toBe("the answer is");
    expect(() => requirePrefix(row, { tokenizer, where: "a.jsonl:3" })).toThrow(
      /^a.jsonl:3: expected.*the prompt alone has "Ġ".*it is "Ġthe"[^]*fix: move the space/,
    );
    const audit = await auditRows(tokenizer, [row]);
    expect(audit.prefixBreaks).toBe(1);
    expect(audit.firstPrefixBreak).toMatch(/token \d+/);
  });

  it("passes a row whose space stands before the answer", async () => {
    const row = await tokenizePromptCompletion(tokenizer, {
      prompt: "the answer is",
      completion: " the lake",
    });
    expect(() => requirePrefix(row, { tokenizer, where: "row" })).not.toThrow();
  });

  it("gives both answers of a pair the same prompt, the shorter one that either leaves", async () => {
    const { prompt, completions } = await tokenizePreference(tokenizer, {
      prompt: "the ",
      chosen: "lake",
      rejected: "\nice",
    });
    for (const [i, answer] of ["lake", "\nice"].entries()) {
      expect(tokenizer.decode([...prompt, ...completions[i]!.tokens])).toBe(`the ${answer}</s>`);
    }
  });
});

describe("rows that cannot be trained", () => {
  it("are refused by name, and do not hold up the others", async () => {
    const rows = [[assistant("a")], [user("only a question")], [user("q"), assistant("b")]];
    const results = await tokenizeRows(rows, (messages, i) =>
      tokenizeMessages(tokenizer, { messages }, { where: `line ${i + 1}` }),
    );
    expect(results.map((result) => result instanceof AttuneError)).toEqual([false, true, false]);
    expect(String(results[1])).toMatch(/line 2: expected at least one token to train, got roles user/);
  });

  it("are refused when prompt and completion are of different kinds, or there is no template", async () => {
    await expect(
      tokenizePromptCompletion(tokenizer, { prompt: "text", completion: [assistant("a")] }),
    ).rejects.toThrow(/all text or all messages/);
    const bare = await loadTokenizer({ tokenizerJson: trainByteLevelBpe([""], { vocabSize: 256 }) });
    await expect(tokenizeMessages(bare, { messages: [user("q")] })).rejects.toThrow(
      /chat template, because the rows are conversations/,
    );
    await expect(tokenizeText(bare, { text: "" })).rejects.toThrow(/an empty text/);
  });
});

describe("renderColoured", () => {
  it("brackets what is trained and shows line ends and special tokens", async () => {
    const { prompt, completions } = await tokenizeMessages(tokenizer, {
      messages: [user("the lake?"), assistant("ice 😀\tis")],
    });
    const [{ tokens, mask }] = completions as [{ tokens: number[]; mask: number[] }];
    const row = { ids: [...prompt, ...tokens], mask: [...prompt.map(() => 0), ...mask] };
    expect(renderColoured(tokenizer, row)).toBe(
      "<|im_start|>user⏎\nthe lake?<|im_end|>⏎\n<|im_start|>assistant⏎\n⟦ice 😀⇥\tis<|im_end|>⟧⏎\n",
    );
    const coloured = renderColoured(tokenizer, row, { colour: true });
    expect(coloured).toContain("\u001b[32m\u001b[1m<|im_end|>\u001b[0m");
    expect(coloured).toContain("\u001b[2m\u001b[1m<|im_start|>\u001b[0m");
  });

  it("never sends a control character of the data to the terminal", async () => {
    const ids = await tokenizer.encode("a\u001b[2Jb\u202e\r\nc\u0007");
    const shown = renderColoured(tokenizer, { ids });
    expect(shown).toBe("⟦a\\u{1b}[2Jb\\u{202e}␍⏎\nc\\u{7}⟧");
  });

  it("shows where tokens meet", async () => {
    const ids = await tokenizer.encode("the lake");
    expect(renderColoured(tokenizer, { ids, mask: ids.map(() => 0) }, { boundaries: true })).toContain("·");
  });
});

describe("renderExample", () => {
  const path = golden("text", "data_utils.json");
  const why = missing(path);
  interface Case {
    name: string;
    inputs: ConversationalRow;
    options: { function: string; chat_template?: string };
    expected: { output?: Record<string, unknown> };
  }
  describe.skipIf(why !== undefined)(
    `data_utils.json, apply_chat_template${why === undefined ? "" : ` (skipped: ${why})`}`,
    () => {
      if (why !== undefined) return;
      const file = readJson<{ chat_templates: Record<string, string>; cases: Case[] }>(path);
      for (const { name, inputs, options, expected } of file.cases) {
        // The other functions of this file are data/'s.
        if (options.function !== "apply_chat_template") continue;
        it(name, () => {
          const template = new ChatTemplate(file.chat_templates[options.chat_template!]!);
          if (expected.output === undefined)
            expect(() => renderExample(template, inputs)).toThrow(AttuneError);
          else expect(renderExample(template, inputs)).toEqual(expected.output);
        });
      }
    },
  );
});
