/** `attune frontier` through the command line, on the built-in model and world: what it leaves, and that nothing is done twice. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answerPairs, collectJudgements, createWorld, preferenceRows } from "../../src/evaluate/index.js";
import type { FrontierPoint } from "../../src/evaluate/index.js";
import { repositoryRoot } from "../support/shared.js";
import { attune, temporaryFolder, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const tiny = join(repositoryRoot, "models", "tiny");
const pairs = writeRows(
  to("pairs.jsonl"),
  preferenceRows(collectJudgements(answerPairs(createWorld(), { count: 60, seed: 1 }), { seed: 1 })).rows,
);
const common = ["--model", tiny, "--data", pairs, "--reward", to("reward/model")];
const sizes = "--answers 16 --batch 8 --eval-prompts 4 --samples 2 --max-new-tokens 8";
const small = [...sizes.split(" "), "--output", to("frontier")];

describe("attune frontier", () => {
  it("trains and measures every method and beta once, and draws them", async () => {
    const train = ["--model", tiny, "--data", pairs, "--output", to("reward")];
    expect((await attune("train", "reward", ...train, "--max-steps", "1")).code).toBe(0);
    const args = ["frontier", ...common, ...small, "--betas", "0.1", "--best-of", "2"];
    const first = await attune(...args, "--methods", "dpo,rloo");
    expect(first.err).toContain("2 runs of 16 answers each");
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/start .*best of n .*dpo .*rloo /s);
    const { points } = JSON.parse(readFileSync(to("frontier/frontier.json"), "utf8")) as {
      points: FrontierPoint[];
    };
    expect(points.map(({ method, beta }) => [method, beta])).toEqual([
      ["start", null],
      ["best of n", 2],
      ["dpo", 0.1],
      ["rloo", 0.1],
    ]);
    // The start's own answers, scored twice: by the generator and by the graph of the reference.
    expect(points[0]!.kl.mean).toBeCloseTo(0, 3);
    for (const { kl, reward } of points) expect(Number.isFinite(kl.mean + reward.mean)).toBe(true);
    expect(readdirSync(to("frontier")).filter((name) => name.startsWith("frontier."))).toHaveLength(4);

    const models = points.flatMap(({ run }) => (run === undefined ? [] : [join(run, "trained.json")]));
    const written = models.map((path) => statSync(path).mtimeMs);
    const again = await attune(...args, "--methods", "dpo,rloo,ipo", "--json");
    expect(again.code).toBe(0);
    expect(models.map((path) => statSync(path).mtimeMs)).toEqual(written);
    const more = JSON.parse(again.out) as { points: FrontierPoint[] };
    expect(more.points.slice(0, 4)).toEqual(points);
    expect(more.points).toHaveLength(5);
  }, 300_000);

  it("refuses other pairs in the same folder, unknown methods and betas that are none", async () => {
    const lines = readFileSync(pairs, "utf8").trim().split("\n");
    const rows = lines.slice(5).map((line) => JSON.parse(line) as unknown);
    const other = writeRows(to("other.jsonl"), rows);
    const swapped = common.map((each) => (each === pairs ? other : each));
    const refused = await attune("frontier", ...swapped, ...small);
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain("expected the pairs that this folder's runs learned from");
    const near = await attune("frontier", ...common, ...small, "--methods", "rlooo");
    expect(near.err).toContain("did you mean rloo?");
    const beta = await attune("frontier", ...common, ...small, "--betas", "0.1,x");
    expect(beta.err).toContain("--betas: expected numbers of at least 0 with commas between, got x");
  });
});
