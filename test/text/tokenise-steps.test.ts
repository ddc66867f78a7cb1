/** Solutions in judged steps, as TRL's PRMTrainer tokenises them: golden rows on a tokenizer whose tokens are bytes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadTokenizer, type Tokenizer, tokenizeSteps, unjudged } from "../../src/text/index.js";
import { golden, missing } from "../support/shared.js";

const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** Token ids are UTF-8 bytes. */
const bytes = (bosId: number | null): Promise<Tokenizer> =>
  loadTokenizer({
    tokenizerJson: {
      version: "1.0",
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: "BPE",
        vocab: Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [byteToken(byte), byte])),
        merges: [],
        byte_fallback: true,
        unk_token: null,
      },
    },
    ...(bosId !== null && { tokenizerConfig: { bos_token: byteToken(bosId) } }),
  });

interface Case {
  name: string;
  inputs: { prompt: string; completions: string[]; labels: boolean[] };
  options: {
    step_separator: string;
    max_length: number | null;
    train_on_last_step_only: boolean;
    bos_token_id: number | null;
  };
  expected: { input_ids: number[]; labels: number[] };
}

const reason = missing(golden("losses", "prm.json"));
describe.skipIf(reason !== undefined)(`golden rows of steps${reason ? ` (${reason})` : ""}`, () => {
  const cases =
    reason === undefined
      ? (JSON.parse(readFileSync(golden("losses", "prm.json"), "utf8")) as { cases: Case[] }).cases
      : [];
  for (const { name, inputs, options, expected } of cases.filter((each) => each.name.startsWith("tokenize_")))
    it(name, async () => {
      const row = await tokenizeSteps(await bytes(options.bos_token_id), inputs, {
        separator: options.step_separator,
        lastStepOnly: options.train_on_last_step_only,
      });
      const length = options.max_length ?? Infinity;
      const labels = [...row.prompt.map(() => unjudged), ...row.labels];
      expect([...row.prompt, ...row.tokens].slice(0, length)).toEqual(expected.input_ids);
      expect(labels.slice(0, length)).toEqual(expected.labels);
    });
});

describe("rows of steps", () => {
  const row = { prompt: "1 + 1?", completions: ["é", "2"], labels: [true, false] };

  it("judge a step on its separator's last token, whatever the step's text", async () => {
    const { tokens, labels } = await tokenizeSteps(await bytes(null), row, { separator: "\n\n" });
    expect(tokens).toEqual([...Buffer.from("é\n\n2\n\n")]);
    expect(labels).toEqual([-100, -100, -100, 1, -100, -100, 0]);
  });

  it("are refused without a label for every step, and without a token to judge", async () => {
    const tokenizer = await bytes(null);
    const less = tokenizeSteps(tokenizer, { ...row, labels: [true] }, { where: "a.jsonl:3" });
    await expect(less).rejects.toMatchObject({ code: "data", where: "a.jsonl:3", got: "1" });
    await expect(tokenizeSteps(tokenizer, row, { separator: "" })).rejects.toMatchObject({ got: '""' });
  });
});
