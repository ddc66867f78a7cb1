/** What annotators must not see: gold answers, repeats, models' names, others' answers; and settings that nobody else gets. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { routes } from "../../src/server/api.js";
import { addJudgements, judgementsAfter } from "../../src/store/index.js";
import { judge, pairs, project, start, type Person, type Running } from "./running.js";

let running: Running;
beforeAll(async () => {
  running = await start();
});
afterAll(() => running.close());

const wins = (chosen: string) => ({ type: "pair", chosen, rejected: chosen === "x" ? "y" : "x" });

it("annotators never get gold answers, repeats, models or each other's answers", async () => {
  const items = [
    ...pairs(6),
    ...pairs(6, (k) => ({ id: `gold-${k}`, role: "gold", gold: wins("x") })),
    ...pairs(2, (k) => ({ id: `practice-${k}`, role: "practice", gold: wins("y") })),
  ];
  const id = await project(running, {
    items,
    settings: {
      gold_every: 1,
      repeat_every: 2,
      repeat_gap: 1,
      practice: 2,
      overlap: 2,
      webhook: { url: "https://example.org/hook", secret: "the-webhook-secret-of-the-owner" },
    },
  });
  const [one, two] = [await running.join(id), await running.join(id)];
  const seen: string[] = [];
  const judgements: string[] = [];
  for (const person of [one, two]) {
    for (let k = 0; k < 14; k += 1) {
      const next = await person.send("POST", `/api/projects/${id}/next`);
      seen.push(JSON.stringify(next.body));
      if (next.body.kind !== "item") break;
      const receipt = await judge(person, id, {
        outcome: { type: "pair", chosen: "A", rejected: "B" },
        comment: `secret of ${person.annotator}`,
      });
      // Feedback comes after practice and after nothing else.
      expect(receipt.body.feedback !== null, JSON.stringify(receipt.body)).toBe(next.body.practice);
      seen.push(JSON.stringify(receipt.body));
      judgements.push(receipt.body.judgement as string);
    }
  }
  const base = `/api/projects/${id}`;
  for (const path of [
    "",
    "/me",
    "/progress",
    "/guidelines",
    "/history?limit=200",
    `/judgements/${judgements[0]}`,
  ])
    seen.push(JSON.stringify((await one.get(base + path)).body));
  seen.push(JSON.stringify((await one.send("POST", `${base}/undo`)).body));
  seen.push(JSON.stringify((await one.get("/api/projects")).body));
  const all = seen.join("\n");
  expect(all).toContain("Question 1");
  for (const secret of [
    /model-[xy]/,
    /gold-\d/,
    /practice-\d/,
    /"gold"/,
    /"repeat"/,
    /item-\d/,
    /webhook-secret/,
    // A webhook's address may be a secret itself.
    /example\.org/,
    /"(gold|repeat)_every":[1-9]/,
    /"purpose"/,
  ])
    expect(all).not.toMatch(secret);
  expect(seen.slice(-8).join("\n")).not.toContain(`secret of ${two.annotator}`);
  const owner = await running.owner();
  const people = (await owner.get(`${base}/annotators`)).body.annotators as { gold: { value: number } }[];
  expect(people.some(({ gold }) => gold.value !== null)).toBe(true);
  const own = (await owner.get(base)).body;
  expect(own.settings).toMatchObject({ gold_every: 1, webhook: { url: "https://example.org/hook" } });
  expect(JSON.stringify(own)).not.toContain("the-webhook-secret");
});

/** What a value looks like: names and kinds, without ids, times and texts. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
}

it("a gold item looks, counts, comes again and is kept as every other does", async () => {
  const items = [...pairs(12), ...pairs(4, (k) => ({ id: `gold-${k}`, role: "gold", gold: wins("x") }))];
  const id = await project(running, {
    items,
    settings: { gold_every: 2, repeat_every: 4, repeat_gap: 1, overlap: 1 },
  });
  const base = `/api/projects/${id}`;
  const person = await running.join(id);
  const looks: string[] = [];
  const count = 12;
  for (let k = 0; k < count; k += 1) {
    const next = await person.send("POST", `${base}/next`);
    // Given back, it comes again, whatever it is.
    const release = await person.send("DELETE", `${base}/leases/${next.body.lease}`);
    const again = await person.send("POST", `${base}/next`);
    expect(again.body.lease).not.toBe(next.body.lease);
    expect({ ...again.body, lease: "", expires_at: "" }).toEqual({ ...next.body, lease: "", expires_at: "" });
    const beat = await person.send("POST", `${base}/leases/${again.body.lease}/heartbeat`);
    const skips = k % 4 === 3;
    const receipt = await judge(
      person,
      id,
      skips ? { skipped: { reason: "unclear" } } : { outcome: { type: "pair", chosen: "A", rejected: "B" } },
    );
    expect(receipt.body.progress).toEqual({ done: k + 1, quota: null, practice: null });
    const kept = await person.get(`${base}/judgements/${receipt.body.judgement}`);
    const undo = await person.send("POST", `${base}/undo`);
    const revised = await person.send("POST", `${base}/judgements/${receipt.body.judgement}/revise`, {
      key: `another-${k}`,
      answer: { outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" },
    });
    const me = await person.get(`${base}/me`);
    expect(me.body).toEqual(receipt.body.progress);
    const shapes = [next, release, again, beat, receipt, kept, undo, revised, me].map(({ status, body }) =>
      shapeOf({ status, body }),
    );
    looks.push(JSON.stringify(skips ? shapes.filter((_, place) => ![5, 6].includes(place)) : shapes));
  }
  // There were some of each kind, and nothing in the replies tells which was which.
  const kinds = new Set(
    (await judgementsAfter(running.store, { project: id, after: "0", limit: 100 })).map(
      ({ purpose }) => purpose,
    ),
  );
  expect([...kinds].toSorted()).toEqual(["gold", "repeat", "task"]);
  expect(new Set(looks.filter((_, k) => k % 4 !== 3)).size).toBe(1);
  expect(new Set(looks.filter((_, k) => k % 4 === 3)).size).toBe(1);
  // How far the project is does not change with a gold item, so it is not for annotators.
  for (const path of ["/progress", "/events", "/items", "/annotators", "/agreement"])
    expect((await person.get(base + path)).status, path).toBe(403);
});

it("says after a practice item what was expected, in the letters of the screen", async () => {
  const id = await project(running, {
    items: pairs(1, () => ({ role: "practice", gold: wins("y") })),
    settings: { practice: 1 },
  });
  const person = await running.join(id);
  const { item, lease } = (await person.send("POST", `/api/projects/${id}/next`)).body;
  const right = item.candidates[0].messages[0].content.startsWith("Answer y") ? "A" : "B";
  const body = {
    key: "a-key-for-practice",
    lease,
    answer: { outcome: { type: "pair", chosen: right === "A" ? "B" : "A", rejected: right } },
  };
  const send = () => person.send("POST", `/api/projects/${id}/judgements`, body);
  const expected = { right: false, expected: `${right} is better` };
  expect((await send()).body.feedback).toEqual(expected);
  expect((await send()).body).toMatchObject({
    replayed: true,
    feedback: expected,
    progress: { practice: { done: 1, of: 1, right: 0 } },
  });
});

it("refuses an owner's own reply that would hold more than the interface says", () => {
  // Every object of a reply is strict, so an unplanned field is an error of ours, never a leak.
  expect(
    routes.next.response.safeParse({
      kind: "nothing",
      reason: "empty",
      progress: { done: 0, quota: null, practice: null },
      gold: 1,
    }).success,
  ).toBe(false);
});

it("shows reviewers what was imported, longer and freer than the page sends it", async () => {
  const id = await project(running, { items: pairs(1) });
  const reviewer = await running.join(id, "reviewer");
  const answer = {
    outcome: { type: "pair" as const, chosen: "x", rejected: "y" },
    strength: 1.5,
    attributes: { fluency: "good" },
    reasons: ["r".repeat(300)],
    comment: "c".repeat(30_000),
  };
  const judgement = { id: "j", item: "item-0", annotator: { kind: "human" as const, id: "ann" }, ...answer };
  await addJudgements(running.store, {
    project: id,
    judgements: [{ ...judgement, status: "submitted" }],
  });
  const { status, body } = await reviewer.get(`/api/projects/${id}/review?which=all`);
  expect(status).toBe(200);
  const { attributes: _, ...shown } = answer;
  expect(body.items[0].judgements[0].answer).toEqual(shown);
});

it("lets reviewers see models, and everybody's answers un-swapped", async () => {
  const id = await project(running, { items: pairs(1), settings: { overlap: 2 } });
  const people: Person[] = [await running.join(id), await running.join(id)];
  for (const [k, person] of people.entries()) {
    const { item, lease } = (await person.send("POST", `/api/projects/${id}/next`)).body;
    const x = item.candidates[0].messages[0].content.startsWith("Answer x") ? ["A", "B"] : ["B", "A"];
    const [chosen, rejected] = k === 0 ? x : x.toReversed();
    await person.send("POST", `/api/projects/${id}/judgements`, {
      key: `key-of-${k}-here`,
      lease,
      answer: { outcome: { type: "pair", chosen, rejected } },
    });
  }
  const reviewer = await running.join(id, "reviewer");
  const { items } = (await reviewer.get(`/api/projects/${id}/review`)).body;
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({
    disagreement: 1,
    candidates: [{ id: "x", source: { model: "model-x" } }, { id: "y" }],
    judgements: [
      { answer: { outcome: wins("x") }, category: "first" },
      { answer: { outcome: wins("y") }, category: "second" },
    ],
  });
  const path = `/api/projects/${id}/items/item-0`;
  const bad = await reviewer.send("POST", `${path}/adjudicate`, { answer: { outcome: wins("A") } });
  expect(bad.status).toBe(400);
  const decided = await reviewer.send("POST", `${path}/adjudicate`, {
    answer: { outcome: wins("y") },
    reason: "y is true",
  });
  expect(decided.body).toMatchObject({
    by: reviewer.annotator,
    reason: "y is true",
    answer: { outcome: wins("y") },
  });
  expect((await reviewer.get(`/api/projects/${id}/review`)).body.items).toEqual([]);
  expect((await reviewer.get(path)).body.adjudicated).toMatchObject({ by: reviewer.annotator });
  expect((await reviewer.get(`/api/projects/${id}/items?status=adjudicated`)).body).toMatchObject({
    total: 1,
    items: [{ status: "adjudicated" }],
  });
});
