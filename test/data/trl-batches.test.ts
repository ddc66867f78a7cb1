/**
 * Rows of TRL's trainers through our truncation, packing and layout: what is cut and dropped, and the batch. Rows are laid
 * out plainly (no shared prompts, no packing, no buckets), so that the cells can be compared.
 */
import { expect, it } from "vitest";
import {
  createTruncator,
  layoutBatch,
  packRows,
  type Batch,
  type Example,
  type TruncationPolicy,
} from "../../src/data/index.js";
import { tokenizePreference, tokenizePromptCompletion, type TokenisedRow } from "../../src/text/index.js";
import { ktoSource } from "../../src/train/index.js";
import { explicit, goldenFile, sft, tokenizerFor, unpaired, type Case } from "../support/trl-text.js";

/** Where ours is not TRL's batch, and why. Each is still asked for what it must give. */
const DIFFERENT: Record<string, string> = {
  chat_keep_start: "both answers are cut to the same one token: such a pair teaches nothing and is dropped",
  explicit_keep_end: "the prompt of a pair is cut once, for its longer answer; answers are never cut",
  chat_keep_end: "the prompt of a pair is cut once, for its longer answer; answers are never cut",
  prompt_completion_keep_end: "answers are never cut: a row whose answer fills the limit is dropped",
  chat_prompt_completion_keep_end: "answers are never cut: a row whose answer fills the limit is dropped",
  text_keep_end: "a text has no prompt to cut: it is dropped",
  chat_assistant_only_keep_end: "answers are never cut: a row whose answers fill the limit is dropped",
  packed_bfd: "TRL's own packing, `packRows`, compared as rows; our batches pack without cutting",
  packed_bfd_split: "TRL's own packing, `packRows`, compared as rows; our batches pack without cutting",
  packed_wrapped: "TRL's own packing, `packRows`, compared as rows; our batches pack without cutting",
};
/** Compared by test/text/tokenise-golden.test.ts only: they give no batch, or one with a bug of transformers'. */
const rowsOnly = (name: string): boolean =>
  name === "assistant_masks" ||
  name === "chat_assistant_only_without_markers" ||
  name === "chat_assistant_only_no_assistant" ||
  name.startsWith("known_bug");

type Table = Record<string, number[][]>;

/** Ids and masks of each sequence, padded as TRL pads; chosen answers first, then rejected ones. */
function cells(
  batch: Batch,
): { ids: number[]; attention: number[]; completion: number[]; trained: number[] }[] {
  const { length, completionsPerGroup } = batch;
  const rows = Array.from({ length: batch.ids.length * completionsPerGroup }, (_, row) => {
    const of = <T>(pick: (cell: number) => T): T[] =>
      Array.from({ length }, (_unused, at) => pick(row * length + at));
    const last = batch.segments[batch.ends[row]!]!;
    return {
      ids: of((cell) => batch.inputIds[cell]!),
      attention: of((cell) => (batch.segments[cell]! > 0 ? 1 : 0)),
      completion: of((cell) => (batch.segments[cell] === last ? 1 : 0)),
      trained: of(() => 0),
    };
  });
  for (let slot = 0; slot < batch.targets; slot += 1) {
    if (batch.targetMask[slot] !== 1) continue;
    const cell = batch.sources[slot]! + 1;
    rows[Math.floor(cell / length)]!.trained[cell % length] = 1;
  }
  return Array.from({ length: completionsPerGroup }, (_, which) =>
    rows.filter((_row, index) => index % completionsPerGroup === which),
  ).flat();
}

const plainly = (examples: readonly Example[]): Batch =>
  layoutBatch(examples, { sharePrompt: false, pack: false, buckets: { stepsPerOctave: 0 } });

/** The real cells of a padded table. */
const real = (table: number[][], attention: number[][]): number[][] =>
  table.map((row, at) => row.filter((_, i) => attention[at]![i] === 1));

/** What our truncation leaves of the rows, and the numbers of those it drops. */
function truncated(
  rows: readonly TokenisedRow[],
  { options, policy }: { options: Case["options"]; policy?: TruncationPolicy },
): { kept: Example[]; dropped: number[] } {
  const truncator = createTruncator({
    maxLength: options.max_length ?? 1_000_000,
    policy: policy ?? (options.truncation_mode as TruncationPolicy | undefined) ?? "keep_start",
  });
  const results = rows.map(({ prompt, completions }, row) =>
    truncator.apply({ id: String(row), prompt, completions }),
  );
  return {
    kept: results.filter((each) => each !== undefined),
    dropped: results.flatMap((each, row) => (each === undefined ? [row] : [])),
  };
}

const named = (name: string): string => (name in DIFFERENT ? `${name} (${DIFFERENT[name]})` : name);

/** Answers are whole, and every row keeps to the limit: what ours promises where it is not TRL. */
function keepsAnswersWhole(kept: readonly Example[], rows: readonly TokenisedRow[], most: number): void {
  for (const { id, prompt, completions } of kept) {
    const row = rows[Number(id)]!;
    expect(completions).toEqual(row.completions);
    expect(row.prompt.slice(row.prompt.length - prompt.length)).toEqual(prompt);
    for (const { tokens } of completions) expect(prompt.length + tokens.length).toBeLessThanOrEqual(most);
  }
}

goldenFile("dpo_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    it(named(name), async () => {
      const tokenizer = await tokenizerFor(file, options);
      const rows = await Promise.all(inputs.rows.map((row) => tokenizePreference(tokenizer, explicit(row))));
      const { kept, dropped } = truncated(rows, { options });
      if (name === "chat_keep_start") return expect(dropped).toEqual([0, 1, 2]);
      if (name in DIFFERENT) {
        expect(kept.length).toBeGreaterThan(0);
        return keepsAnswersWhole(kept, rows, options.max_length!);
      }
      const table = expected.output!["collated"] as Table;
      const got = cells(plainly(kept));
      expect(dropped).toEqual(expected.output!["dropped"]);
      const attention = got.map((row) => row.attention);
      expect(attention).toEqual(table["attention_mask"]);
      expect(got.map((row) => row.completion)).toEqual(table["completion_mask"]);
      expect(
        real(
          got.map((row) => row.ids),
          attention,
        ),
      ).toEqual(real(table["input_ids"]!, attention));
    });
  }
});

goldenFile("reward_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    it(name, async () => {
      const tokenizer = await tokenizerFor(file, options);
      const rows = await Promise.all(inputs.rows.map((row) => tokenizePreference(tokenizer, explicit(row))));
      const { kept, dropped } = truncated(rows, { options, policy: "drop" });
      expect(dropped).toEqual(expected.output!["dropped"]);
      const table = expected.output!["collated"] as Table;
      const got = cells(plainly(kept));
      const attention = got.map((row) => row.attention);
      expect(attention).toEqual(table["attention_mask"]);
      expect(
        real(
          got.map((row) => row.ids),
          attention,
        ),
      ).toEqual(real(table["input_ids"]!, attention));
    });
  }
});

goldenFile("kto_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    it(name, async () => {
      const tokenizer = await tokenizerFor(file, options);
      const rows = await Promise.all(
        unpaired(inputs.rows).map((row) => tokenizePromptCompletion(tokenizer, row)),
      );
      const { kept, dropped } = truncated(rows, { options });
      expect(dropped).toEqual(expected.output!["dropped"]);
      const table = expected.output!["collated"] as Table;
      const got = cells(plainly(kept));
      const attention = got.map((row) => row.attention);
      expect(attention).toEqual(table["attention_mask"]);
      expect(got.map((row) => row.completion)).toEqual(table["completion_mask"]);
      expect(
        real(
          got.map((row) => row.ids),
          attention,
        ),
      ).toEqual(real(table["input_ids"]!, attention));
    });
  }
});

goldenFile("sft_tokenisation.json", (file) => {
  for (const { name, inputs, options, expected } of file.cases) {
    if (rowsOnly(name)) continue;
    const full = options.completion_only_loss === false && options.assistant_only_loss !== true;
    it(named(name), async () => {
      const tokenizer = await tokenizerFor(file, options);
      const tokenised = await Promise.all(inputs.rows.map((row) => sft(tokenizer, row, options)));
      const rows = full ? tokenised.map(whole) : tokenised;
      if (options.packing === true) return packs(rows, { options, expected: expected.output!.rows });
      const { kept, dropped } = truncated(rows, { options });
      if (name in DIFFERENT) return keepsAnswersWhole(kept, rows, options.max_length!);
      const table = expected.output!["collated"] as Table;
      expect(dropped).toEqual(expected.output!["dropped"]);
      const got = cells(plainly(kept));
      const attention = got.map((row) => row.attention);
      expect(attention).toEqual(table["attention_mask"]);
      expect(
        real(
          got.map((row) => row.ids),
          attention,
        ),
      ).toEqual(real(table["input_ids"]!, attention));
      // TRL gives the first token a label too, which nothing predicts.
      const labels = table["labels"]!.map((row) =>
        row.map((label, at) => (at > 0 && label !== -100 ? 1 : 0)),
      );
      expect(got.map((row) => row.trained)).toEqual(labels);
    });
  }
});

/** The prompt is trained too. */
const whole = ({ prompt, completions, prefixBreaks }: TokenisedRow): TokenisedRow => ({
  prompt: [],
  completions: completions.map(({ tokens }) => ({ tokens: [...prompt, ...tokens] })),
  prefixBreaks,
});

function packs(
  rows: readonly TokenisedRow[],
  { options, expected }: { options: Case["options"]; expected: readonly Record<string, unknown>[] },
): void {
  const columns = rows.map(({ prompt, completions: [first] }) => {
    const { tokens, mask } = first!;
    return {
      input_ids: [...prompt, ...tokens],
      labels: [...prompt.map(() => -100), ...tokens.map((id, i) => ((mask?.[i] ?? 1) === 1 ? id : -100))],
    };
  });
  const packed = packRows(columns, { length: options.max_length!, strategy: options.packing_strategy! });
  expect(
    packed.map(({ columns: own, sequenceLengths }) => ({
      ...own,
      ...(sequenceLengths && { seq_lengths: sequenceLengths }),
    })),
  ).toEqual(expected);
}

goldenFile("kto_tokenisation.json", (file) => {
  for (const { name, options, expected } of file.cases) {
    const size = options.per_device_train_batch_size!;
    it(`${name}: answers put to other prompts`, async () => {
      const rows = expected.output!.rows as unknown as (Record<string, number[]> & { label: boolean })[];
      const examples = rows.map((row, index): Example => ({
        id: String(index),
        prompt: row["prompt_ids"]!,
        completions: [{ tokens: row["completion_ids"]! }],
        values: { label: row.label ? 1 : 0 },
      }));
      const source = ktoSource(examples, {
        plan: { perDeviceBatchSize: size, shuffle: false },
        layout: { pack: false },
      });
      for (let index = 0; index < source.count(0); index += 1) {
        const { mismatched } = await source.load({ epoch: 0, index });
        // A row alone in its micro-batch: TRL gives it its own answer, which measures nothing; ours takes another row's.
        if (mismatched.ids.length === 1) continue;
        const got = cells(mismatched).map((row) => row.ids.filter((_, at) => row.attention[at] === 1));
        expect(got).toEqual(
          mismatched.ids.map((id) => [
            ...rows[Number(id)]!["prompt_ids"]!,
            ...rows[Number(id)]!["KL_completion_ids"]!,
          ]),
        );
      }
    });
  }
});
