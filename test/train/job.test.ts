/** A whole run from a configuration, as a program starts it: what it tells, and what is left when it is stopped early on. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import { writeRandomModel } from "../../src/models/index.js";
import { runTraining, type RunTrainingOptions, type TrainingEvent } from "../../src/train/index.js";
import { config, scratch } from "../invariants/setup.js";

const folder = scratch();
const to = (name: string): string => join(folder.path, name);
const words = ["<unk>", "<s>", "</s>", "cat", "dog", "runs", "sits", "far", "here"];
beforeAll(async () => {
  await writeRandomModel(to("model"), { ...config, eos_token_id: 2 }, { seed: 1, std: 0.3 });
  const tokenizer = {
    version: "1.0",
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: null,
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      unk_token: "<unk>",
    },
  };
  writeFileSync(join(to("model"), "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(join(to("model"), "tokenizer_config.json"), JSON.stringify({ eos_token: "</s>" }));
  const rows = ["cat", "dog"].flatMap((animal) =>
    ["here", "far"].map((place) => ({
      prompt: `${animal} ${place}`,
      chosen: ` ${animal} runs`,
      rejected: ` ${animal} sits far`,
    })),
  );
  writeFileSync(to("pairs.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => folder.remove());

async function run(output: string, more: object = {}, options: Partial<RunTrainingOptions> = {}) {
  const events: TrainingEvent[] = [];
  const result = await runTraining(
    {
      method: "dpo",
      model: to("model"),
      data: to("pairs.jsonl"),
      output: to(output),
      max_steps: 2,
      threads: 1,
      ...more,
    },
    { openBackend: ortBackend, ...options, onEvent: (event) => events.push(event) },
  );
  return { events, result };
}
const notes = (events: readonly TrainingEvent[]): string[] =>
  events.flatMap((event) => (event.kind === "note" ? [event.text] : []));

describe("a run from a configuration", () => {
  it("tells what is checked before its first step", async () => {
    const { events, result } = await run("whole");
    const kinds = events.map(({ kind }) => kind);
    const checks = events.findIndex(
      (event) => event.kind === "checks" && event.title === "before the first step",
    );
    expect(checks).toBeGreaterThan(kinds.indexOf("start"));
    expect(checks).toBeLessThan(kinds.indexOf("step"));
    expect(result).toMatchObject({ finished: "done", steps: 2, already: undefined, resume: undefined });
  });

  it("says of a reward model what pads its rows elsewhere", async () => {
    const { events } = await run("reward", { method: "reward" });
    expect(notes(events)).toContainEqual(expect.stringContaining('pad token for transformers: "<unk>" (0)'));
  });

  it("says of a loss that looks across rows that micro-batches are not one batch", async () => {
    const accumulated = { gradient_accumulation_steps: 2, per_device_train_batch_size: 2 };
    const { events } = await run("aot", { loss_type: "aot", ...accumulated });
    expect(notes(events)).toContainEqual(expect.stringContaining("aot looks across the rows"));
    expect(notes((await run("sigmoid", accumulated)).events)).toEqual([]);
  });

  it("stopped before its first step leaves no folder", async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(run("never", {}, { signal: stop.signal })).rejects.toMatchObject({ code: "interrupted" });
    expect(existsSync(to("never"))).toBe(false);
    const reading = run("never", { reference: "precomputed" }, { signal: stop.signal });
    await expect(reading).rejects.toMatchObject({ code: "interrupted" });
    expect(existsSync(to("never"))).toBe(false);
  });
});
