import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { data, missing } from "../support/shared.js";
import { attune, temporaryFolder, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);

describe("attune agreement", () => {
  const table = (rows: number[][]) =>
    rows.flatMap((row, k) =>
      row.flatMap((n, l) =>
        Array.from({ length: n }, () => ({ annotator1: "xyz"[k], annotator2: "xyz"[l] })),
      ),
    );

  it("gives Gwet's paradox table: high agreement, kappa below zero, AC1 high, and says why", async () => {
    const file = writeRows(
      to("paradox.jsonl"),
      table([
        [118, 5],
        [2, 0],
      ]),
    );
    const { out } = await attune("agreement", file, "--json", "--resamples", "50");
    const result = JSON.parse(out);
    const of = (name: string): number =>
      result.coefficients.find((each: { name: string }) => each.name === name).value;
    expect(of("percent agreement")).toBeCloseTo(0.944, 9);
    expect(of("Conger kappa")).toBeCloseTo(-0.023392, 5);
    expect(of("Gwet AC1")).toBeCloseTo(0.940776, 5);
    const text = await attune("agreement", file, "--resamples", "50");
    expect(text.out).toContain("read AC1 beside");
  });

  it("undoes the sides of our own judgements, tests the left, and names the noise ceiling", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => {
      const swapped = i % 2 === 1;
      return ["ann", "bob"].map((id) => ({
        id: `${i}${id}`,
        item: `item ${i}`,
        annotator: { kind: "human", id },
        shown_order: swapped ? ["q", "p"] : ["p", "q"],
        outcome: {
          type: "pair",
          chosen: id === "bob" && i < 12 ? "q" : "p",
          rejected: id === "bob" && i < 12 ? "p" : "q",
        },
      }));
    }).flat();
    const { out } = await attune("agreement", writeRows(to("own.jsonl"), rows), "--json");
    const result = JSON.parse(out);
    expect(result.left).toMatchObject({ chosen: 60, decided: 120, rate: 0.5 });
    expect(result.ceiling.lowest).toBeCloseTo(0.8, 9);
    expect(result.pairs).toMatchObject([{ first: "ann", second: "bob", items: 60, agreement: 0.8 }]);
  });

  it("says that agreement is unknown where nothing was judged twice, and what a file should hold", async () => {
    const alone = await attune(
      "agreement",
      writeRows(to("alone.jsonl"), [{ item: 1, annotator: "ann", label: "A" }]),
    );
    expect(alone.out).toContain("agreement is unknown");
    const odd = await attune("agreement", writeRows(to("odd.jsonl"), [{ x: 1 }]));
    expect(odd.code).not.toBe(0);
    expect(odd.err).toContain("rows of item, annotator and label");
  });

  const pandalm = data("pandalm/testset-v1.json");
  it.skipIf(missing(pandalm) !== undefined)("reads PandaLM's three columns", async () => {
    const { out } = await attune("agreement", pandalm, "--json", "--resamples", "100");
    const result = JSON.parse(out);
    expect(result.annotators).toHaveLength(3);
    expect(result.items).toBe(999);
    expect(result.ceiling.lowest).toBeGreaterThan(0.8);
  });
});

describe("attune rank", () => {
  const votes = (spec: [string, string, string, number][]) =>
    spec.flatMap(([model_a, model_b, winner, n]) =>
      Array.from({ length: n }, () => ({ model_a, model_b, winner })),
    );

  it("ranks journals as Agresti does, with intervals and ranks left open", async () => {
    const names = ["Biometrika", "CommStat", "JASA", "JRSS-B"];
    const wins = [
      [0, 730, 498, 221],
      [33, 0, 68, 17],
      [320, 813, 0, 142],
      [284, 276, 325, 0],
    ];
    const rows = votes(
      wins
        .flatMap((row, i) =>
          row.map((n, j): [string, string, string, number] => [names[i]!, names[j]!, "model_a", n]),
        )
        .filter(([a, b]) => a !== b),
    );
    const { out } = await attune("rank", writeRows(to("journals.jsonl"), rows), "--no-side", "--json");
    const { leaderboard } = JSON.parse(out);
    expect(leaderboard.map((each: { model: string }) => each.model)).toEqual([
      "JRSS-B",
      "Biometrika",
      "JASA",
      "CommStat",
    ]);
    expect(leaderboard[0].elo).toBeCloseTo(1183.95, 1);
  });

  it("warns of a cycle, models ties, and finds the side", async () => {
    const rows = votes([
      ["x", "y", "model_a", 8],
      ["x", "y", "model_b", 3],
      ["y", "z", "model_a", 8],
      ["y", "z", "model_b", 3],
      ["z", "x", "model_a", 8],
      ["z", "x", "model_b", 3],
      ["x", "y", "tie", 4],
    ]);
    const { out } = await attune("rank", writeRows(to("cycle.jsonl"), rows));
    expect(out).toContain("Davidson");
    expect(out).toContain("Warning: a cycle");
    expect(out).toContain("Shown first");
  });

  it("says when the winner always stands first, instead of an effect of side without end", async () => {
    const rows = votes([
      ["x", "y", "model_a", 8],
      ["y", "x", "model_a", 3],
    ]);
    const { out } = await attune("rank", writeRows(to("one-side.jsonl"), rows));
    expect(out).toMatch(/always stands\s+on\s+the\s+same\s+side/);
  });

  it("refuses a model that never lost, and takes it with a prior", async () => {
    const file = writeRows(
      to("separated.jsonl"),
      votes([
        ["a", "b", "model_a", 2],
        ["b", "c", "model_a", 2],
      ]),
    );
    const bare = await attune("rank", file);
    expect(bare.code).not.toBe(0);
    expect(bare.err).toContain("--prior 0.1");
    const { out } = await attune("rank", file, "--prior", "0.1", "--no-side", "--json");
    expect(JSON.parse(out).leaderboard[0].strength).toBeCloseTo(2.128035, 5);
  });

  it("takes the length of answers out", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({
      model_a: "wordy",
      model_b: "terse",
      winner: i % 3 === 0 ? "model_b" : "model_a",
      response_a: "x".repeat(i % 3 === 0 ? 50 : 300),
      response_b: "x".repeat(100),
    }));
    const { out } = await attune("rank", writeRows(to("length.jsonl"), rows), "--no-side", "--json");
    expect(JSON.parse(out).length.value).toBeGreaterThan(0.5);
  });
});

describe("attune power", () => {
  it("says how many pairs tell a win rate from one half", async () => {
    const { out } = await attune("power");
    for (const n of ["4,904", "783", "194", "85", "47"]) expect(out).toContain(n);
  });

  it("says what a number of pairs can show, and what a leaderboard costs", async () => {
    const { out } = await attune("power", "--pairs", "194", "--models", "4", "--json");
    const result = JSON.parse(out);
    expect(result.given.detectable).toBeCloseTo(0.6, 2);
    expect(result.leaderboard.total).toBe(6 * result.leaderboard.perPair);
  });

  it("refuses a win rate of one half by name", async () => {
    const { code, err } = await attune("power", "--win-rate", "0.5");
    expect(code).not.toBe(0);
    expect(err).toContain("smallest difference that would matter");
  });
});
