/** Judgements of people at the command line: in from other tools, out to training, and the statistics between. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import {
  addItems,
  addJudgements,
  createProject,
  findProject,
  openStore,
  peopleSums,
} from "../../src/store/index.js";
import { attune, temporaryFolder, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const readRows = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Ten questions, two answers, two people who differ on the last two. */
const votes = Array.from({ length: 10 }, (_, k) =>
  ["ann", "bob"].map((annotator) => ({
    prompt: `Question ${k}?`,
    response_a: `Short ${k}.`,
    response_b: `A longer answer ${k}.`,
    model_a: "small",
    model_b: "large",
    annotator,
    winner: k === 7 ? "tie" : k < 4 || (k > 7 && annotator === "ann") ? "A" : "B",
  })),
).flat();
const votesFile = writeRows(to("votes.jsonl"), votes);
const store = to("store");

describe("attune import", () => {
  it("makes items and the judgements of each person, once however often it is run", async () => {
    const first = await attune("import", votesFile, "--project", "demo", "--store", store, "--json");
    expect(first.err).toBe("");
    expect(JSON.parse(first.out)).toMatchObject({
      made: true,
      task: "pair",
      items: { added: 10, present: 0 },
      judgements: { added: 20, present: 0 },
      annotators: 2,
      refused: [],
    });
    const second = await attune("import", votesFile, "--project", "demo", "--store", store, "--json");
    expect(JSON.parse(second.out)).toMatchObject({
      made: false,
      items: { added: 0, present: 10 },
      judgements: { added: 0, present: 20 },
    });
  });

  it("keeps what could not be used, with file, line and reason", async () => {
    const file = writeRows(to("some-bad.jsonl"), [
      { prompt: "q", response_a: "a", response_b: "b", winner: "A", annotator: "ann" },
      { prompt: "q", response_a: "a", response_b: "b", winner: "perhaps", annotator: "ann" },
      { prompt: "r", response_a: 7, response_b: "b" },
    ]);
    const quarantine = to("bad-rows.jsonl");
    const { out } = await attune(
      "import",
      file,
      "--project",
      "bad",
      "--store",
      store,
      "--quarantine",
      quarantine,
    );
    expect(out).toContain("1 item added");
    expect(out).toContain(`${file}:2: column \`winner\`: expected A, B, tie or both bad, got "perhaps"`);
    expect(readRows(quarantine).map(({ line }) => line)).toEqual([2, 3]);
  });

  it.each([
    [["import", "--project", "x"], "FILE"],
    [["import", votesFile], "--project NAME"],
    [["import", votesFile, "--project", "Not Good"], "small letters, digits and hyphens"],
  ])("refuses %j", async (args, expected) => {
    const { code, err } = await attune(...args);
    expect(code).toBe(2);
    expect(err).toContain(expected);
  });

  it("says what to do with prompts that nobody has answered", async () => {
    const file = writeRows(to("prompts.jsonl"), [{ prompt: "What is it?" }]);
    const { code, err } = await attune("import", file, "--project", "p", "--store", store);
    expect(code).toBe(1);
    expect(err).toContain("attune pairs");
  });

  it("makes right answers of a file's labels, or leaves them out", async () => {
    const file = writeRows(to("gold.jsonl"), [{ prompt: "q", chosen: "a", rejected: "b" }]);
    const run = async (labels: string, project: string) => {
      await attune("import", file, "--project", project, "--store", store, "--labels", labels);
      await attune("export", project, "--to", "dump", "--store", store, "--output", to(`${project}-dump`));
      return readRows(to(`${project}-dump/dump.jsonl`)).slice(1);
    };
    expect(await run("gold", "with-gold")).toMatchObject([
      { type: "item", role: "gold", gold: { type: "pair", chosen: "a", rejected: "b" } },
    ]);
    expect(await run("ignore", "without")).toMatchObject([{ type: "item", role: "task" }]);
    expect((await run("judgements", "judged"))[1]).toMatchObject({
      type: "judgement",
      annotator: { kind: "human", id: "file-label" },
    });
  });

  it("pairs runs at the same task, the reward being the judgement of a rule", async () => {
    const run = (trial: number, reward: number) => ({
      task_id: 5,
      trial,
      reward,
      traj: [
        { role: "user", content: "Book a table." },
        { role: "assistant", content: `Done ${trial}.` },
      ],
    });
    const file = writeRows(to("runs.jsonl"), [run(0, 0), run(1, 1)]);
    const { out } = await attune("import", file, "--project", "runs", "--store", store, "--json");
    expect(JSON.parse(out)).toMatchObject({ items: { added: 1 }, judgements: { added: 1 } });
    await attune("export", "runs", "--store", store, "--output", to("runs-out"));
    expect(readRows(to("runs-out/train.jsonl"))).toMatchObject([
      { chosen: [{ content: "Done 1." }], rejected: [{ content: "Done 0." }] },
    ]);
  });
});

describe("attune export", () => {
  it("gives pairs by majority, with soft labels, and a card that accounts for the rest", async () => {
    const output = to("pairs");
    const { out } = await attune(
      "export",
      "demo",
      "--to",
      "reward",
      "--soft-labels",
      "--store",
      store,
      "--output",
      output,
    );
    expect(out).toContain("7 rows");
    expect(out).toContain("1 x a tie");
    expect(out).toContain("2 x the votes are split evenly");
    const rows = readRows(join(output, "train.jsonl"));
    expect(rows).toHaveLength(7);
    expect(rows[0]).toMatchObject({
      prompt: [{ role: "user", content: "Question 0?" }],
      chosen: [{ content: "Short 0." }],
      soft_label: 1,
      votes: { chosen: 2, rejected: 0, ties: 0 },
    });
    expect(readFileSync(join(output, "README.md"), "utf8")).toContain(
      "20 judgements by 2 annotators on 10 items",
    );
  });

  it("keeps ties where asked, at soft label one half", async () => {
    await attune("export", "demo", "--ties", "keep", "--store", store, "--output", to("ties"));
    const rows = readRows(to("ties/train.jsonl"));
    expect(rows).toHaveLength(10);
    expect(rows.filter(({ soft_label: label }) => label === 0.5)).toHaveLength(3);
  });

  it("gives a row for each judgement where asked, both ways where people differ", async () => {
    await attune("export", "demo", "--votes", "each", "--store", store, "--output", to("each"));
    expect(readRows(to("each/train.jsonl"))).toHaveLength(18);
  });

  it.each([
    ["kto", 14, ["completion", "label"]],
    ["ranked", 10, ["completions", "ranks"]],
    ["sft", 7, ["completion"]],
    ["prompts", 10, ["prompt"]],
  ])("gives rows of type %s", async (type, rows, columns) => {
    await attune("export", "demo", "--to", type, "--store", store, "--output", to(`out-${type}`));
    const found = readRows(to(`out-${type}/train.jsonl`));
    expect(found).toHaveLength(rows);
    expect(Object.keys(found[0]!)).toEqual(expect.arrayContaining(columns));
  });

  it("puts no prompt in two splits", async () => {
    await attune(
      "export",
      "demo",
      "--votes",
      "each",
      "--test-share",
      "0.4",
      "--store",
      store,
      "--output",
      to("split"),
    );
    const [train, test] = ["train", "test"].map(
      (name) => new Set(readRows(to(`split/${name}.jsonl`)).map(({ prompt }) => JSON.stringify(prompt))),
    );
    expect(train!.size).toBeGreaterThan(0);
    expect(test!.size).toBeGreaterThan(0);
    expect([...test!].filter((prompt) => train!.has(prompt))).toEqual([]);
  });

  it("takes no webhook and no fetching of images from a dump, and no settings that a server could not read", async () => {
    const rows = (settings: object) => [
      { type: "project", settings, guidelines: [] },
      {
        type: "item",
        id: "i",
        prompt: [{ role: "user", content: "q" }],
        candidates: [{ id: "x", messages: [] }],
      },
    ];
    const webhook = { url: "http://evil.example/", secret: "a-secret-of-sixteen" };
    const hostile = writeRows(to("hostile.jsonl"), rows({ task: "thumbs", images: true, webhook }));
    expect((await attune("import", hostile, "--project", "hostile", "--store", to("hostile"))).code).toBe(0);
    const opened = await openStore({ folder: to("hostile") });
    expect((await findProject(opened, "hostile"))!.settings).toEqual({ task: "thumbs" });
    await opened.close();
    const broken = writeRows(to("broken.jsonl"), rows({ task: "thumbs", overlap: "many" }));
    const refused = await attune("import", broken, "--project", "broken", "--store", to("hostile"));
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/settings\.overlap/);
  });

  it("counts what an import that was stopped has added, when it is run again", async () => {
    const whole = to("whole");
    await attune("import", votesFile, "--project", "demo", "--store", whole);
    const opened = await openStore({ folder: whole });
    // As it stands between the last judgement and the counting.
    await opened.database.rows(sql`delete from currents`);
    await opened.database.rows(sql`update item_states set tally = '{}', valid = 0`);
    await opened.close();
    await attune("import", votesFile, "--project", "demo", "--store", whole);
    const { out } = await attune(
      "export",
      "demo",
      "--to",
      "dpo",
      "--store",
      whole,
      "--output",
      to("counted"),
      "--json",
    );
    expect(JSON.parse(out).report.judgements).toBe(20);
  });

  it("dumps and takes back without loss", async () => {
    await attune("export", "demo", "--to", "dump", "--store", store, "--output", to("dump"));
    const dump = to("dump/dump.jsonl");
    await attune("import", dump, "--project", "demo", "--store", to("other"));
    await attune("export", "demo", "--to", "dump", "--store", to("other"), "--output", to("again"));
    const shape = (file: string) => readRows(file).map((row) => ({ ...row, id: undefined }));
    const [first, second] = [shape(dump), shape(to("again/dump.jsonl"))];
    expect(second.slice(1)).toEqual(first.slice(1));
    expect(second[0]).toMatchObject({ type: "project", settings: { task: "pair" } });
    const same = await attune("import", dump, "--project", "demo", "--store", store, "--json");
    expect(JSON.parse(same.out)).toMatchObject({
      items: { added: 0 },
      judgements: { added: 0, present: 20 },
    });
  });

  it("refuses a project that is not there, a store that is not there, and a folder that is", async () => {
    const missing = await attune("export", "nothing", "--store", store, "--output", to("none"));
    expect(missing.err).toMatch(/expected .*demo.*, got nothing/);
    const nowhere = await attune("export", "demo", "--store", to("nowhere"), "--output", to("none"));
    expect(nowhere.err).toContain("expected the folder of a store");
    const there = await attune("export", "demo", "--store", store, "--output", to("pairs"));
    expect(there.code).toBe(1);
    expect(there.err).toContain("already there");
  });
});

describe("a project as a source", () => {
  it("is judged by agreement as its file is", async () => {
    const flags = ["--json", "--resamples", "20"];
    const fromStore = JSON.parse((await attune("agreement", "attune:demo", "--store", store, ...flags)).out);
    const rows = votes.map(({ prompt, annotator, winner }) => ({ item: prompt, annotator, label: winner }));
    const fromFile = JSON.parse(
      (await attune("agreement", writeRows(to("labels.jsonl"), rows), ...flags)).out,
    );
    expect(fromStore.judgements).toBe(20);
    const values = (r: typeof fromStore) => r.coefficients.map(({ value }: { value: number }) => value);
    expect(values(fromStore)).toEqual(values(fromFile));
    const dumped = JSON.parse((await attune("agreement", to("dump/dump.jsonl"), ...flags)).out);
    expect(values(dumped)).toEqual(values(fromStore));
    expect(dumped.leftOut).toEqual({});
  });

  it("is ranked by the models that wrote its answers", async () => {
    const { out } = await attune("rank", "attune:demo", "--store", store, "--json");
    const { leaderboard, comparisons } = JSON.parse(out);
    expect(comparisons).toBe(20);
    expect(leaderboard.map(({ model }: { model: string }) => model)).toEqual(["small", "large"]);
    const against = await attune(
      "win-rate",
      "attune:demo",
      "--store",
      store,
      "--baseline",
      "large",
      "--json",
    );
    // Ten pairs, each judged by two people.
    expect(JSON.parse(against.out).rows).toMatchObject([{ model: "small", comparisons: 10, votes: 20 }]);
  });

  it("is inspected", async () => {
    const { out, err } = await attune("inspect", "attune:demo", "--store", store, "--rows", "1");
    expect(err).toContain("7 rows from 20 judgements");
    expect(out).toContain("preference records");
  });

  it("trains, from a file named by its content, which goes into the run's record", async () => {
    const output = to("run");
    const args = ["train", "reward", "--model", "models/tiny", "--data", "attune:demo", "--store", store];
    const trained = await attune(...args, "--output", output, "--max-steps", "2", "--logging-steps", "1");
    expect(trained.err).toContain("attune:demo: 7 rows from 20 judgements of 2 annotators");
    expect(trained.code).toBe(0);
    const { data } = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
    expect(data).toMatch(/run\/data\/demo-preference-[0-9a-f]{12}\.jsonl$/);
    expect(existsSync(data)).toBe(true);
    const record = readFileSync(join(output, "run.json"), "utf8");
    expect(record).toContain(/-([0-9a-f]{12})\.jsonl$/.exec(data)![1]!);
  }, 120_000);

  it.each([
    ["attune:demo?votes=all", "votes to be one of majority, each"],
    ["attune:demo?colour=red", "options votes, margin, neutral"],
    ["attune:nothing", "got nothing"],
  ])("%s is refused with the mend", async (source, expected) => {
    const { code, err } = await attune(
      "train",
      "dpo",
      "--model",
      "models/tiny",
      "--data",
      source,
      "--store",
      store,
    );
    expect(code).not.toBe(0);
    expect(err).toContain(expected);
  });
});

describe("judgements from elsewhere in the store", () => {
  it("count for their own project's people only, and refuse candidates that the item has not", async () => {
    const opened = await openStore({});
    for (const project of ["one", "two"]) {
      await createProject(opened, { id: project, name: project, settings: {} });
      await addItems(opened, {
        project,
        items: [{ id: "i", prompt: [], candidates: ["a", "b"].map((id) => ({ id, messages: [] })) }],
      });
    }
    const judgement = (chosen: string) => ({
      id: `j-${chosen}`,
      item: "i",
      annotator: { kind: "human" as const, id: "ann" },
      outcome: { type: "pair" as const, chosen, rejected: "b" },
      status: "submitted" as const,
    });
    await addJudgements(opened, { project: "one", judgements: [judgement("a")] });
    const second = await addJudgements(opened, {
      project: "two",
      judgements: [judgement("a"), judgement("z")],
    });
    expect(second).toMatchObject({ added: 1, refused: [{ id: "j-z", reason: "item i has no candidate z" }] });
    expect((await peopleSums(opened, "two")).map(({ annotator }) => annotator)).toEqual(["ann@two"]);
    await opened.close();
  });
});
