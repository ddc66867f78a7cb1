/** The quick start in its short form, through its public function: whole, repeatable, and honest about bad options. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runQuickstart, type QuickstartResult } from "../../src/cli/quickstart/index.js";
import { builtInModel } from "../../src/cli/quickstart/pipeline.js";
import { Run } from "../../src/records/index.js";
import { openDataset } from "../../src/data/index.js";
import { openModelFolder } from "../../src/models/index.js";
import { missing, readJson } from "../support/shared.js";

const model = process.env["ATTUNE_TINY"] ?? builtInModel;
const absent = missing(join(model, "config.json"));
const scratch = mkdtempSync(join(tmpdir(), "attune-quickstart-"));
const minutes = 60_000;
afterAll(() => rmSync(scratch, { recursive: true }));

const run = (name: string, o: { said?: string[]; signal?: AbortSignal } = {}): Promise<QuickstartResult> =>
  runQuickstart(
    { quick: true, model, output: join(scratch, name), threads: 1, seed: 7 },
    { write: (text) => o.said?.push(text), signal: o.signal },
  );

describe.skipIf(absent !== undefined)(`the quick start${absent ? ` (${absent})` : ""}`, () => {
  const said: string[] = [];
  let first: QuickstartResult;
  beforeAll(async () => {
    first = await run("first", { said });
  }, 4 * minutes);

  it("says what it does in six numbered stages, and ends with the report", () => {
    const text = said.join("");
    for (let stage = 1; stage <= 6; stage++) expect(text).toContain(`[${stage}/6]`);
    expect(text).toContain("Krippendorff");
    expect(text).toContain("policy equals reference");
    expect(text).toMatch(/attune train dpo --model .* --data /);
    expect(text.trimEnd().endsWith(first.report)).toBe(true);
  });

  it("measures what it promises, with intervals around the values", () => {
    const { comparison, reward, agreement } = first.results;
    expect(comparison.duels.map(({ ours, theirs }) => `${ours} ${theirs}`)).toEqual([
      "sft base",
      "dpo sft",
      "ppo sft",
      "dpo base",
      "ppo base",
      "ppo dpo",
    ]);
    for (const { people } of comparison.duels) {
      expect(people.low).toBeLessThanOrEqual(people.winRate);
      expect(people.high).toBeGreaterThanOrEqual(people.winRate);
    }
    for (const summary of Object.values(comparison.models)) {
      for (const value of Object.values(summary)) {
        if (value === null) continue;
        expect(value.low).toBeLessThanOrEqual(value.mean);
        expect(value.high).toBeGreaterThanOrEqual(value.mean);
      }
    }
    expect(comparison.models.base.klFromBase).toBeNull();
    expect(comparison.models.dpo.klFromSft).not.toBeNull();
    expect(comparison.models.ppo.klFromSft).not.toBeNull();
    expect(reward.accuracy.pairs).toBe(reward.ceiling.pairs);
    expect(agreement.items).toBeGreaterThan(50);
  });

  it("leaves models that open, logs of every step, and a record of the run", () => {
    for (const stage of ["sft", "reward", "dpo", "ppo"]) {
      const folder = join(first.folder, stage);
      expect(openModelFolder(join(folder, "model")).newParameters).toEqual([]);
      const lines = readFileSync(join(folder, "log.jsonl"), "utf8").trimEnd().split("\n");
      expect(lines.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual(
        lines.map((_, i) => i + 1),
      );
      expect(readdirSync(folder).filter((name) => name.startsWith("checkpoint-"))).toHaveLength(1);
    }
    const record = Run.parse(readJson(join(first.folder, "run.json")));
    expect(record).toMatchObject({ method: "quickstart", status: "finished", seed: 7 });
    for (const { path } of record.data) expect(existsSync(join(first.folder, path))).toBe(true);
  });

  it("leaves data that the other commands read", async () => {
    const dataset = await openDataset(join(first.folder, "data/preferences.jsonl"));
    expect(dataset.kind).toBe("preference");
  });

  it("asks no question of the comparison that was judged or demonstrated before", () => {
    const rows = (name: string): { prompt: string | [{ content: string }] }[] =>
      readFileSync(join(first.folder, "data", name), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { prompt: string | [{ content: string }] });
    const text = ({ prompt }: { prompt: string | [{ content: string }] }): string =>
      typeof prompt === "string" ? prompt : prompt[0].content;
    const seen = new Set(
      ["demonstrations.jsonl", "preferences.jsonl", "preferences-held-out.jsonl"].flatMap((name) =>
        rows(name).map(text),
      ),
    );
    const asked = rows("answers-dpo.jsonl").map(text);
    expect(asked.filter((question) => seen.has(question))).toEqual([]);
    const held = new Set(rows("preferences-held-out.jsonl").map(text));
    expect(
      rows("preferences.jsonl")
        .map(text)
        .filter((question) => held.has(question)),
    ).toEqual([]);
  });

  it("writes a report that needs nothing else and shows five questions", () => {
    const { document } = parseHTML(readFileSync(first.report, "utf8"));
    expect(document.querySelectorAll("script, img, link, iframe")).toHaveLength(0);
    expect(document.querySelectorAll("td.question")).toHaveLength(5);
    expect(document.querySelectorAll("svg").length).toBeGreaterThan(8);
    expect(document.querySelector("h1")!.textContent).toMatch(/\d+% \(/);
  });

  it(
    "gives the same numbers and the same weights for the same seed",
    async () => {
      const again = await run("again");
      const bytes = (result: QuickstartResult, name: string): Buffer =>
        readFileSync(join(result.folder, name));
      for (const name of [
        "results.json",
        "data/answers-dpo.jsonl",
        "dpo/model/model.safetensors",
        "ppo/model/model.safetensors",
      ]) {
        expect(bytes(again, name).equals(bytes(first, name)), name).toBe(true);
      }
    },
    4 * minutes,
  );

  it(
    "stops when it is asked to, and says how to go on",
    async () => {
      const stopped = run("stopped", { signal: AbortSignal.abort() });
      await expect(stopped).rejects.toMatchObject({ code: "interrupted" });
    },
    2 * minutes,
  );
});

describe("the quick start's options", () => {
  it("are refused by name when they are unknown or out of range", async () => {
    await expect(runQuickstart({ prompts: 3 })).rejects.toThrow(/quickstart: prompts: .*10.*, got 3/);
    await expect(runQuickstart({ sede: 3 } as object)).rejects.toThrow(/expected one of .*seed.*, got sede/);
  });

  it("do not let it write into a folder that is there", async () => {
    const output = join(scratch, "there");
    mkdirSync(output);
    await expect(runQuickstart({ output })).rejects.toThrow(/a folder that is not there yet/);
    expect(readdirSync(output)).toEqual([]);
  });

  it("leave no folder behind when there is no model", async () => {
    const output = join(scratch, "none");
    await expect(runQuickstart({ output, model: join(scratch, "nothing") })).rejects.toThrow(/nothing/);
    expect(existsSync(output)).toBe(false);
  });
});
