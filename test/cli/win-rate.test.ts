import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/util/random.js";
import { attune, temporaryFolder, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => `${folder}/${name}`;

const judge = createRandom(11);
const chance = (x: number): number => 1 / (1 + Math.exp(-x));

/** AlpacaEval's annotations of a model with so much merit, whose answers are longer by some hundred characters. */
const annotations = (model: string, o: { merit: number; longer: number; count?: number }) =>
  Array.from({ length: o.count ?? 300 }, (_, k) => {
    const difference = Math.round(o.longer + 300 * judge.normal());
    const p = chance(o.merit + 1.2 * Math.tanh(difference / 300));
    return {
      instruction: `Instruction ${k}`,
      generator_1: "baseline",
      generator_2: model,
      output_1: "b".repeat(1000),
      output_2: "m".repeat(Math.max(1, 1000 + difference)),
      preference: judge.uniform() < p ? 2 : 1,
    };
  });

const win = async (...args: string[]) => JSON.parse((await attune("win-rate", ...args, "--json")).out);

describe("attune win-rate", () => {
  it("takes out what length bought, and orders models by what is left", async () => {
    const rows = [
      ...annotations("wordy", { merit: 0, longer: 300 }),
      ...annotations("terse", { merit: 0.9, longer: -200 }),
    ];
    const file = writeRows(to("alpaca.jsonl"), rows);
    const { rows: found, baseline } = await win(file, "--baseline", "baseline", "--resamples", "100");
    expect(baseline).toBe("baseline");
    expect(found.map(({ model }: { model: string }) => model)).toEqual(["terse", "wordy"]);
    const [terse, wordy] = found;
    expect(wordy.raw.low).toBeGreaterThan(0.55);
    expect(wordy.controlled.low).toBeLessThan(0.5);
    expect(wordy.controlled.high).toBeGreaterThan(0.5);
    expect(terse.controlled.winRate).toBeGreaterThan(terse.raw.winRate + 0.03);
    expect(wordy.longer).toBeGreaterThan(200);
    expect(wordy.coefficients.difficulty).toBeNull();
    const { out, code } = await attune("win-rate", file, "--baseline", "baseline", "--resamples", "20");
    expect(code).toBe(0);
    expect(out).toMatch(/terse\s+[\d.]+%.*%\s+-\d+\s+300/);
    expect(out).toContain("if both wrote equally long");
  });

  it("is the same whichever side the baseline was on, with a judge's probabilities, from JSON and from CSV", async () => {
    const rows = annotations("model", { merit: 0.4, longer: 200, count: 40 }).map((row) => ({
      ...row,
      preference: 1.2 + (row.preference - 1) * 0.7,
    }));
    const turned = rows.map((row) => ({
      ...row,
      generator_1: row.generator_2,
      generator_2: row.generator_1,
      output_1: row.output_2,
      output_2: row.output_1,
      preference: 3 - row.preference,
    }));
    const csv = [Object.keys(rows[0]!).join(","), ...rows.map((row) => Object.values(row).join(","))].join(
      "\n",
    );
    writeFileSync(to("same.csv"), csv);
    const o = ["--baseline", "baseline", "--resamples", "20"];
    const plain = await win(writeRows(to("same.jsonl"), rows), ...o);
    const near = (value: number) => expect.closeTo(value, 6);
    for (const other of [
      await win(writeRows(to("turned.jsonl"), turned), ...o),
      await win(to("same.csv"), ...o),
    ]) {
      expect(other.rows[0].raw.winRate).toEqual(near(plain.rows[0].raw.winRate));
      expect(other.rows[0].controlled.winRate).toEqual(near(plain.rows[0].controlled.winRate));
    }
    const ranked = await attune("rank", to("same.jsonl"));
    expect(ranked.code).not.toBe(0);
    expect(ranked.err).toContain("attune win-rate FILE --baseline NAME");
  });

  it("counts several votes on the same two answers as one comparison, and takes the instruction's difficulty", async () => {
    const rows = annotations("model", { merit: 0, longer: 100, count: 30 }).flatMap((row, k) => {
      const hard = { ...row, instruction_difficulty: k % 3 };
      return [hard, { ...hard, preference: 1 }, { ...hard, preference: 1.5 }];
    });
    const [found] = (await win(writeRows(to("votes.jsonl"), rows), "--baseline", "baseline")).rows;
    expect(found).toMatchObject({ comparisons: 30, votes: 90 });
    expect(found.coefficients.difficulty).not.toBeNull();
    const first = rows.filter((_, k) => k % 3 === 0).reduce((sum, { preference }) => sum + preference - 1, 0);
    expect(found.raw.winRate).toBeCloseTo((first + 15) / 90, 9);
  });

  it("sees through the baseline made longer, given the baseline told to be verbose and brief", async () => {
    const rows = [
      ...annotations("padded", { merit: 0, longer: 500 }),
      ...annotations("verbose", { merit: 0, longer: 500 }),
      ...annotations("brief", { merit: 0, longer: -500 }),
    ];
    const file = writeRows(to("gamed.jsonl"), rows);
    const o = ["--baseline", "baseline", "--resamples", "20"];
    const { rows: found } = await win(file, ...o, "--gamed", "verbose,brief");
    expect(found).toHaveLength(1);
    expect(Math.abs(found[0].controlled.winRate - 0.5)).toBeLessThan(0.1);
    expect(found[0].raw.winRate).toBeGreaterThan(0.65);
  });

  it("gives the raw rate alone, and why, where lengths are not known, never differ, or are too few", async () => {
    const bare = Array.from({ length: 12 }, () => ({ model_a: "x", model_b: "base", winner: "model_a" }));
    const o = ["--baseline", "base"];
    const [unknown] = (await win(writeRows(to("bare.jsonl"), bare), ...o)).rows;
    expect(unknown).toMatchObject({ comparisons: 12, controlled: null, longer: null, raw: { winRate: 1 } });
    expect(unknown.raw.low).toBeGreaterThan(0.7);
    expect(unknown.raw.low).toBeLessThan(0.8);
    const alike = bare.map((row, k) => ({ ...row, item: k, response_a: "aaaa", response_b: "bb" }));
    const [same] = (await win(writeRows(to("alike.jsonl"), alike), ...o)).rows;
    expect(same.note).toContain("the same difference everywhere");
    const few = await attune("win-rate", writeRows(to("few.jsonl"), alike.slice(0, 3)), ...o);
    expect(few.code).toBe(0);
    expect(few.out).toMatch(/No length-controlled rate for x: it needs at least 10\s+comparisons/);
  });

  it("refuses a baseline that is not there by the nearest name, none at all, and versions that tell nothing", async () => {
    const file = writeRows(to("names.jsonl"), annotations("model", { merit: 0, longer: 0, count: 12 }));
    const typo = await attune("win-rate", file, "--baseline", "basline");
    expect(typo.code).toBe(2);
    expect(typo.err).toContain("did you mean baseline?");
    const none = await attune("win-rate", file);
    expect(none.code).toBe(2);
    expect(none.err).toContain("one of the models in the file: baseline, model");
    const rows = [
      ...annotations("model", { merit: 0, longer: 0, count: 12 }),
      ...annotations("brief", { merit: 0, longer: -300, count: 3 }),
    ];
    const few = await attune(
      "win-rate",
      writeRows(to("versions.jsonl"), rows),
      "--baseline",
      "baseline",
      "--gamed",
      "brief",
    );
    expect(few.code).toBe(1);
    expect(few.err).toContain("at least 10 comparisons of brief and baseline");
    const empty = await attune("win-rate", writeRows(to("empty.jsonl"), [{ x: 1 }]), "--baseline", "a");
    expect(empty.err).toContain("rows of model_a, model_b and winner");
  });
});
