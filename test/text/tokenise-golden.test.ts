/** Rows of TRL's trainers: token ids, boundary and masks. Packing, padding and cutting: test/data/trl-batches.test.ts. */
import { expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import {
  tokenizePreference,
  tokenizePromptCompletion,
  type ChatMessage,
  type TokenisedRow,
} from "../../src/text/index.js";
import { explicit, goldenFile, sft, tokenizerFor, unpaired, type Case } from "../support/trl-text.js";

/** Why a case is not compared, or not as it stands. */
const NOT_HANDLED: Record<string, string> = {
  packed_bfd: "test/data/trl-batches.test.ts",
  packed_bfd_split: "test/data/trl-batches.test.ts",
  packed_wrapped: "test/data/trl-batches.test.ts",
  chat_assistant_only_without_markers:
    "TRL refuses a template without {% generation %}; masks here need none",
  known_bug_assistant_starts_with_space:
    "transformers' bug: the mask is lost; the right mask is tested below",
  known_bug_assistant_ends_with_space: "transformers' bug: the mask runs on; the right mask is tested below",
  known_bug_mask_lost: "transformers' bug: the row is refused; the right mask is tested below",
};

/** Ids and labels of one completion as TRL lays them out, cut as it cuts. */
function labelled(row: TokenisedRow, options: Case["options"]): { input_ids: number[]; labels: number[] } {
  const [{ tokens, mask }] = row.completions as [{ tokens: number[]; mask?: number[] }];
  const ids = [...row.prompt, ...tokens];
  const full = options.completion_only_loss === false && options.assistant_only_loss !== true;
  const labels = ids.map((id, i) => {
    const at = i - row.prompt.length;
    return full || (at >= 0 && (mask?.[at] ?? 1) === 1) ? id : -100;
  });
  const length = options.max_length ?? ids.length;
  const cut = (list: number[]): number[] =>
    options.truncation_mode === "keep_end" ? list.slice(-length) : list.slice(0, length);
  return { input_ids: cut(ids), labels: cut(labels) };
}

const label = (name: string): string =>
  NOT_HANDLED[name] === undefined ? name : `${name} (${NOT_HANDLED[name]})`;

goldenFile("sft_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    const output = expected.output;
    if (name === "assistant_masks") {
      it(`${name}: ${JSON.stringify(inputs["messages"]).slice(0, 60)}`, async () => {
        const row = await sft(await tokenizerFor(file, options), inputs, { assistant_only_loss: true });
        const [{ tokens, mask }] = row.completions as [{ tokens: number[]; mask: number[] }];
        expect([...row.prompt, ...tokens]).toEqual(output!["input_ids"]);
        expect([...row.prompt.map(() => 0), ...mask]).toEqual(output!["assistant_masks"]);
      });
      continue;
    }
    it.skipIf(NOT_HANDLED[name] !== undefined)(label(name), async () => {
      const tokenizer = await tokenizerFor(file, options);
      const rows = inputs.rows.map((row) => sft(tokenizer, row, options));
      if (output === undefined) {
        await expect(Promise.all(rows)).rejects.toThrow(AttuneError);
        return;
      }
      const got = (await Promise.all(rows)).map((row, i) => ({ row: i, ...labelled(row, options) }));
      const kept = got.filter(({ labels }) => labels.some((id) => id !== -100));
      expect(kept).toEqual(output.rows.map(({ row, input_ids, labels }) => ({ row, input_ids, labels })));
    });

    // The same conversation without {% generation %} in its template gives the same mask.
    const marked =
      options.chat_template === "chatml_marked" && (options.added_special_tokens?.length ?? 0) > 0;
    if (
      !marked ||
      options.assistant_only_loss !== true ||
      output === undefined ||
      NOT_HANDLED[name] !== undefined
    )
      continue;
    it(`${name}, without markers in the template`, async () => {
      const bare = await tokenizerFor(file, { ...options, chat_template: "chatml" });
      const full = await tokenizerFor(file, options);
      for (const row of inputs.rows)
        expect(await sft(bare, row, options)).toEqual(await sft(full, row, options));
    });
  }

  const bugs = file.cases.filter(({ name }) => name.startsWith("known_bug"));
  for (const { name, inputs, options } of bugs) {
    it(`${name}: trains exactly the tokens of the assistant's text`, async () => {
      const tokenizer = await tokenizerFor(file, options);
      const withEnd = options.chat_template !== "chatml_marked_without_end";
      for (const row of inputs.rows) {
        const messages = row["messages"] as ChatMessage[];
        const { completions, prompt } = await sft(tokenizer, row, options);
        const [{ tokens, mask }] = completions as [{ tokens: number[]; mask: number[] }];
        const trained = tokens.filter((_, i) => mask[i] === 1);
        const texts = messages
          .filter((message) => message.role === "assistant")
          .map((message) => message.content as string);
        expect(tokenizer.decode(trained)).toBe(
          texts.map((text) => text + (withEnd ? "<|im_end|>" : "")).join(""),
        );
        expect(tokenizer.decode([...prompt, ...tokens])).toContain(texts[0]);
      }
    });
  }
});

goldenFile("dpo_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    it(name, async () => {
      const tokenizer = await tokenizerFor(file, options);
      for (const wanted of expected.output!.rows) {
        const pair = explicit(inputs.rows[wanted.row]!);
        const { prompt, completions } = await tokenizePreference(tokenizer, pair);
        expect({
          prompt_ids: prompt,
          chosen_ids: completions[0]!.tokens,
          rejected_ids: completions[1]!.tokens,
        }).toEqual({
          prompt_ids: wanted["prompt_ids"],
          chosen_ids: wanted["chosen_ids"],
          rejected_ids: wanted["rejected_ids"],
        });
      }
    });
  }
});

goldenFile("reward_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    it(name, async () => {
      const tokenizer = await tokenizerFor(file, options);
      for (const wanted of expected.output!.rows) {
        const { prompt, completions } = await tokenizePreference(
          tokenizer,
          explicit(inputs.rows[wanted.row]!),
        );
        expect([...prompt, ...completions[0]!.tokens]).toEqual(wanted["chosen_ids"]);
        expect([...prompt, ...completions[1]!.tokens]).toEqual(wanted["rejected_ids"]);
      }
    });
  }
});

goldenFile("kto_tokenisation.json", (file) => {
  // `KL_completion_ids` (answers moved on by one inside a batch) are the trainer's.
  for (const { name, inputs, options, expected } of file.cases) {
    it(`${name}: prompt and completion`, async () => {
      const tokenizer = await tokenizerFor(file, options);
      const rows = unpaired(inputs.rows);
      for (const wanted of expected.output!.rows) {
        const index = expected.output!.rows.indexOf(wanted);
        const at = rows.length === inputs.rows.length ? wanted.row : index;
        const { prompt, completions } = await tokenizePromptCompletion(tokenizer, rows[at]!);
        expect(prompt).toEqual(wanted["prompt_ids"]);
        expect(completions[0]!.tokens).toEqual(wanted["completion_ids"]);
      }
    });
  }
});
