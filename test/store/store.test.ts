/** One suite on the embedded database and on a real PostgreSQL server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as s from "../../src/store/index.js";
import { openExport } from "../../src/store/export/index.js";
import { createRandom } from "../../src/util/random.js";
import { startPostgres, whyNoPostgres } from "./postgres.js";

const options: Omit<s.NextOptions, "annotator" | "project"> = {
  overlap: 2,
  leaseSeconds: 60,
  policy: "least-judged",
  goldEvery: 0,
  repeatEvery: 0,
  repeatGap: 1,
  practice: 0,
};
const pair = (id: string): s.ItemInput => ({
  id,
  prompt: [{ role: "user", content: `Question ${id}` }],
  candidates: ["x", "y"].map((name) => ({
    id: name,
    source: { model: `model-${name}` },
    messages: [{ role: "assistant", content: `${id} ${name}` }],
  })),
});
const first = (): s.StoredAnswer => ({ outcome: { type: "pair", chosen: "x", rejected: "y" } });
const second = (): s.StoredAnswer => ({ outcome: { type: "pair", chosen: "y", rejected: "x" } });

const kinds = ["pglite", "postgres"] as const;
for (const kind of kinds) {
  const why = kind === "postgres" ? whyNoPostgres() : undefined;
  if (why !== undefined) process.stderr.write(`store on ${kind} is skipped: ${why}\n`);
  describe.skipIf(why !== undefined)(`the store on ${kind}`, () => {
    let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
    let store: Awaited<ReturnType<typeof s.openStore>>;
    let ahead = 0;
    let number = 0;

    beforeAll(async () => {
      if (kind === "postgres") server = await startPostgres();
      store = await s.openStore({
        seed: 3,
        ...(server && { url: server.url }),
        now: () => new Date(Date.UTC(2026, 0, 1) + ahead),
      });
    });
    afterAll(async () => {
      await store?.close();
      await server?.stop();
    });

    /** A project of its own with `n` pairs and some people. */
    async function setUp(n: number, people = 2): Promise<{ project: string; people: string[] }> {
      const project = `p${(number += 1)}`;
      await s.createProject(store, { id: project, name: project, settings: {} });
      await s.addItems(store, { project, items: Array.from({ length: n }, (_, i) => pair(`i${i}`)) });
      const ids: string[] = [];
      for (let i = 0; i < people; i += 1)
        ids.push(await s.createAnnotator(store, { project, role: "annotator" }));
      return { project, people: ids };
    }
    const next = (project: string, annotator: string, more: Partial<s.NextOptions> = {}) =>
      s.takeNext(store, { ...options, project, annotator, ...more });
    let keys = 0;
    const send = (
      project: string,
      annotator: string,
      {
        lease,
        answer = first,
        key = `key-${(keys += 1)}`,
      }: { lease: string; answer?: () => s.StoredAnswer; key?: string },
    ) => s.submit(store, { project, annotator, lease, key, answer, active_ms: 10 });

    it("gives the same item again while its lease lasts", async () => {
      const { project, people } = await setUp(3);
      const one = await next(project, people[0]!);
      expect(await next(project, people[0]!)).toMatchObject({ id: one!.id, item: one!.item });
    });

    it("gives what was given back or ran out again as it was, while it is free", async () => {
      const { project, people } = await setUp(40, 3);
      const [one, two] = people as [string, string];
      const taken = (await next(project, one))!;
      await s.releaseLease(store, { project, annotator: one, lease: taken.id });
      const again = (await next(project, one))!;
      expect(again).toMatchObject({ item: taken.item, shown_order: taken.shown_order });
      expect(again.id).not.toBe(taken.id);
      ahead += 61_000;
      const later = (await next(project, one))!;
      expect(later).toMatchObject({ item: taken.item });
      const chances = (await send(project, one, { lease: later.id })) as s.Stored;
      const [stored] = await s.judgementsOf(store, { project, item: taken.item });
      expect(stored).toMatchObject({ id: chances.judgement, policy: "least-judged" });
      // The chance is that of the draw, not of its coming again.
      expect(stored!.probability).toBeLessThan(0.5);
      const lost = (await next(project, two, { overlap: 1 }))!;
      await s.releaseLease(store, { project, annotator: two, lease: lost.id });
      await s.adjudicate(store, { project, item: lost.item, annotator: one, answer: first() });
      expect((await next(project, two, { overlap: 1 }))!.item).not.toBe(lost.item);
    });

    it("adds items once, by id", async () => {
      const { project } = await setUp(2);
      expect(await s.addItems(store, { project, items: [pair("i0"), pair("new")] })).toEqual({
        added: 1,
        present: 1,
      });
      expect((await s.findItem(store, { project, item: "new" }))!.candidates).toEqual(pair("new").candidates);
    });

    it("never gives more slots than the overlap when many ask at once", async () => {
      const { project, people } = await setUp(5, 20);
      const leases = await Promise.all(people.map((person) => next(project, person)));
      const given = leases.filter((lease) => lease !== undefined);
      expect(given).toHaveLength(10);
      const perItem = [0, 1, 2, 3, 4].map((i) => given.filter(({ item }) => item === `i${i}`).length);
      expect(perItem).toEqual([2, 2, 2, 2, 2]);
    });

    it("stores a double submit once", async () => {
      const { project, people } = await setUp(1);
      const lease = (await next(project, people[0]!))!.id;
      const [a, b] = await Promise.all(
        [1, 2].map(() => send(project, people[0]!, { lease, key: "same-key" })),
      );
      const receipts = [a, b].map((each) => each as s.Stored);
      expect(receipts[0]!.judgement).toBe(receipts[1]!.judgement);
      expect(receipts.filter(({ replayed }) => replayed)).toHaveLength(1);
      expect(await send(project, people[0]!, { lease, key: "other-key" })).toBe("conflict");
      expect((await s.progressOf(store, { project, overlap: 2 })).judgements).toBe(1);
    });

    it("keeps the answer of an expired lease, marked, though somebody else had the item", async () => {
      const { project, people } = await setUp(1, 2);
      const lease = (await next(project, people[0]!, { overlap: 1 }))!.id;
      expect(await next(project, people[1]!, { overlap: 1 })).toBeUndefined();
      ahead += 61_000;
      const taken = await next(project, people[1]!, { overlap: 1 });
      expect(taken).toBeDefined();
      expect(await send(project, people[0]!, { lease })).toMatchObject({ late: true, replayed: false });
      expect(await send(project, people[1]!, { lease: taken!.id, answer: second })).toMatchObject({
        late: false,
        valid: 2,
      });
      expect((await s.stateOf(store, { project, item: "i0" }))!.tally).toEqual({ first: 1, second: 1 });
    });

    it.each(["the first lease", "the second lease"])(
      "counts one answer of a person who was given an item twice, the answer to %s coming last",
      async (last) => {
        const { project, people } = await setUp(1, 2);
        const [me, other] = people as [string, string];
        const [lost, theirs] = [(await next(project, me))!.id, (await next(project, other))!.id];
        await send(project, other, { lease: theirs });
        ahead += 61_000;
        const again = (await next(project, me))!.id;
        expect(again).not.toBe(lost);
        const order = last === "the second lease" ? [lost, again] : [again, lost];
        const early = (await send(project, me, { lease: order[0]! })) as s.Stored;
        const late = (await send(project, me, { lease: order[1]!, answer: second })) as s.Stored;
        expect([early.late, late.late].toSorted()).toEqual([false, true]);
        // Both are kept; the one that came last counts.
        const history = await s.historyOf(store, { project, annotator: me, limit: 10 });
        expect(history.map(({ id, revision_of: old, replaced }) => [id, old, replaced])).toEqual([
          [late.judgement, early.judgement, false],
          [early.judgement, null, true],
        ]);
        const all = async () => ({
          state: await s.stateOf(store, { project, item: "i0" }),
          progress: await s.progressOf(store, { project, overlap: 2 }),
          pairings: await s.pairings(store, project),
          sums: await s.sumsOf(store, { project, annotator: me }),
        });
        const kept = await all();
        expect(kept.state!.tally).toEqual({ first: 1, second: 1 });
        expect(kept.progress).toMatchObject({ judgements: 2, complete: 1, leases: 0 });
        expect(kept.pairings).toMatchObject([{ compared: 1, agreed: 0 }]);
        expect(kept.sums).toMatchObject({ judgements: 1, task: 1 });
        await s.recount(store);
        const counted = await all();
        expect(counted).toEqual({ ...kept, sums: expect.objectContaining(counted.sums) });
      },
    );

    it("counts two answers of a person to one item that come at the same moment as one", async () => {
      const { project, people } = await setUp(1, 1);
      const lost = (await next(project, people[0]!))!.id;
      ahead += 61_000;
      const again = (await next(project, people[0]!))!.id;
      const stored = await Promise.all([lost, again].map((lease) => send(project, people[0]!, { lease })));
      expect(stored.every((each) => typeof each !== "string")).toBe(true);
      expect((await s.stateOf(store, { project, item: "i0" }))!.tally).toEqual({ first: 1 });
    });

    it("survives a clock that jumps back", async () => {
      const { project, people } = await setUp(2, 2);
      const lease = (await next(project, people[0]!))!.id;
      ahead -= 7 * 86_400_000;
      expect(await send(project, people[0]!, { lease })).toMatchObject({ late: false });
      expect(await next(project, people[0]!)).toBeDefined();
      ahead += 7 * 86_400_000;
    });

    it("refuses another person's lease and another project's", async () => {
      const { project, people } = await setUp(2, 2);
      const other = await setUp(1, 1);
      const lease = (await next(project, people[0]!))!.id;
      expect(await send(project, people[1]!, { lease })).toBe("unknown");
      expect(await send(other.project, people[0]!, { lease })).toBe("unknown");
    });

    it("keeps what was revised and counts what is in force", async () => {
      const { project, people } = await setUp(1, 1);
      const lease = (await next(project, people[0]!))!.id;
      const old = (await send(project, people[0]!, { lease })) as s.Stored;
      const revision = { project, annotator: people[0]!, judgement: old.judgement, answer: second };
      const made = (await s.revise(store, { ...revision, key: "revision" })) as s.Stored;
      expect(await s.revise(store, { ...revision, key: "again" })).toBe("conflict");
      const history = await s.historyOf(store, { project, annotator: people[0]!, limit: 10 });
      expect(history.map(({ id, replaced }) => [id, replaced])).toEqual([
        [made.judgement, false],
        [old.judgement, true],
      ]);
      expect((await s.stateOf(store, { project, item: "i0" }))!.tally).toEqual({ second: 1 });
      expect(await s.duels(store, project)).toMatchObject([{ first_wins: 0, second_wins: 1, ties: 0 }]);
    });

    it("gives a skipped item to somebody else", async () => {
      const { project, people } = await setUp(1, 2);
      const lease = (await next(project, people[0]!, { overlap: 1 }))!.id;
      await send(project, people[0]!, { lease, answer: () => ({ skipped: { reason: "broken" } }) });
      expect(await next(project, people[0]!, { overlap: 1 })).toBeUndefined();
      expect(await next(project, people[1]!, { overlap: 1 })).toMatchObject({ item: "i0" });
    });

    it("shows a repeat with the sides swapped and counts whether it agrees", async () => {
      const { project, people } = await setUp(2, 1);
      const one = (await next(project, people[0]!))!;
      await send(project, people[0]!, { lease: one.id });
      const two = (await next(project, people[0]!))!;
      await send(project, people[0]!, { lease: two.id });
      const again = (await next(project, people[0]!, { repeatEvery: 2 }))!;
      expect(again).toMatchObject({
        item: one.item,
        purpose: "repeat",
        shown_order: one.shown_order.toReversed(),
      });
      await send(project, people[0]!, { lease: again.id });
      expect(await s.sumsOf(store, { project, annotator: people[0]! })).toMatchObject({
        repeat_same: 1,
        repeat_compared: 1,
      });
    });

    it("stores with what probability an item was chosen", async () => {
      const { project, people } = await setUp(4, 1);
      await send(project, people[0]!, { lease: (await next(project, people[0]!))!.id });
      const [judgement] = await s.judgementsAfter(store, { project, after: "0", limit: 1 });
      expect(judgement).toMatchObject({ policy: "least-judged", probability: 0.25, purpose: "task" });
    });

    it("chooses unsure items more often, and weighs them back in what is exported", async () => {
      const project = `p${(number += 1)}`;
      await s.createProject(store, { id: project, name: project, settings: {} });
      const items = Array.from({ length: 40 }, (_, k) => ({
        ...pair(`i${k}`),
        uncertainty: k < 20 ? 1 : 0.1,
      }));
      await s.addItems(store, { project, items });
      const person = await s.createAnnotator(store, { project, role: "annotator" });
      for (let k = 0; k < 16; k += 1) {
        const lease = (await next(project, person, { policy: "active", overlap: 1 }))!;
        // The unsure ones are ties.
        const tie = (): s.StoredAnswer => ({
          outcome: { type: "pair", chosen: null, rejected: null },
          tie: "equal",
        });
        await send(project, person, {
          lease: lease.id,
          answer: Number(lease.item.slice(1)) < 20 ? tie : first,
        });
      }
      const draws = (await s.activeDraws(store, project))!;
      const unsure = draws.filter(({ tally }) => tally["tie"] === 1);
      expect(draws).toHaveLength(16);
      expect(unsure.length).toBeGreaterThan(9);
      const share = unsure.reduce((sum, { weight }) => sum + weight, 0) / 16;
      expect(Math.abs(share - 0.5)).toBeLessThan(Math.abs(unsure.length / 16 - 0.5));
      const rows = [];
      for await (const row of (await openExport(store, { project, as: "preference", ties: "keep" })).rows())
        rows.push(row);
      const weights = new Map(draws.map(({ item, weight }) => [item, weight]));
      expect(rows.map((row) => [row["item"], row["selection_weight"]])).toEqual(
        rows.map((row) => [row["item"], weights.get(row["item"] as string)]),
      );
      expect(rows).toHaveLength(16);
      expect(await s.activeDraws(store, "p1")).toBeUndefined();
    });

    it("lists items in the order in which they came, disagreements first where people differ most", async () => {
      const { project, people } = await setUp(12, 2);
      const listed = async (which: "all" | "disagreement") =>
        (await s.reviewQueue(store, { project, which, limit: 50, offset: 0 })).map(({ item }) => item);
      expect(await listed("all")).toEqual(Array.from({ length: 12 }, (_, k) => `i${k}`));
      for (let k = 0; k < 12; k += 1) {
        for (const [who, person] of people.entries()) {
          const lease = (await next(project, person))!;
          const differs = who === 1 && Number(lease.item.slice(1)) >= 9;
          await send(project, person, { lease: lease.id, answer: differs ? second : first });
        }
      }
      expect(await listed("disagreement")).toEqual(["i9", "i10", "i11"]);
    });

    it("gives people of a group its items only", async () => {
      const { project, people } = await setUp(3, 2);
      await s.addItems(store, { project, items: [{ ...pair("law"), group: "law" }] });
      await s.changeAnnotator(store, { project, id: people[0]!, groups: ["law"] });
      const lease = (await next(project, people[0]!))!;
      expect(lease.item).toBe("law");
      await send(project, people[0]!, { lease: lease.id });
      expect(await next(project, people[0]!)).toBeUndefined();
      await s.changeAnnotator(store, { project, id: people[0]!, groups: null });
      expect(await next(project, people[0]!)).toBeDefined();
    });

    it("draws the same items for the same seed", async () => {
      const { project, people } = await setUp(50, 2);
      const seeded = () => {
        const random = createRandom(11, { stream: "items" });
        return { ...store, random: () => random.uniform() };
      };
      const draw = async () => {
        const lease = (await s.takeNext(seeded(), { ...options, project, annotator: people[0]! }))!;
        await s.releaseLease(store, { project, annotator: people[0]!, lease: lease.id });
        return lease.item;
      };
      expect(await draw()).toBe(await draw());
    });

    it("keeps every sum as a count from the judgements gives it", async () => {
      const { project, people } = await setUp(12, 4);
      const gold = { ...pair("known"), gold: first().outcome!, role: "gold" as const };
      await s.addItems(store, { project, items: [gold, { ...gold, id: "try", role: "practice" }] });
      const random = createRandom(7, { stream: "answers" });
      const answers: (() => s.StoredAnswer)[] = [
        first,
        second,
        () => ({ outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" }),
        () => ({ skipped: { reason: "broken" } }),
      ];
      const any = () => answers[random.integer(answers.length)]!;
      for (let round = 0; round < 12; round += 1) {
        await Promise.all(
          people.map(async (person) => {
            const lease = await next(project, person, { goldEvery: 3, repeatEvery: 3, practice: 1 });
            if (lease === undefined) return;
            if (random.integer(8) === 0) ahead += 61_000;
            // One gold answer is right for certain, and stays.
            const right = lease.purpose === "gold" && person === people[0];
            const stored = await send(project, person, { lease: lease.id, answer: right ? first : any() });
            if (typeof stored === "string" || right || random.integer(3) > 0) return;
            const key = `key-${(keys += 1)}`;
            await s.revise(store, {
              project,
              annotator: person,
              judgement: stored.judgement,
              key,
              answer: any(),
            });
          }),
        );
        if (round === 6)
          await s.adjudicate(store, { project, item: "i3", annotator: people[0]!, answer: first() });
      }
      const all = async () => ({
        progress: await s.progressOf(store, { project, overlap: 2 }),
        patterns: await s.patterns(store, project),
        people: (await s.peopleSums(store, project)).map(({ sums }) =>
          Object.fromEntries(Object.entries(sums).filter(([, n]) => n !== 0)),
        ),
        pairings: await s.pairings(store, project),
        duels: await s.duels(store, project),
        queue: await s.reviewQueue(store, { project, which: "disagreement", limit: 50, offset: 0 }),
        states: await s.reviewQueue(store, { project, which: "all", limit: 50, offset: 0 }),
      });
      const kept = await all();
      await s.recount(store);
      expect(await all()).toEqual(kept);
      // What the test means to cover did happen.
      const total = (name: string) => kept.people.reduce((sum, each) => sum + (each[name] ?? 0), 0);
      for (const name of ["gold_right", "repeat_compared", "skip", "late", "tie", "compared"])
        expect(total(name), name).toBeGreaterThan(0);
      expect(kept.queue.length).toBeGreaterThan(0);
      expect(kept.progress).toMatchObject({ items: 12, practice: 1 });
    });
  });
}

describe("the folder of an embedded store", () => {
  it("is refused while another has it open, by name, and is free afterwards", async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-store-"));
    const store = await s.openStore({ folder });
    await expect(s.openStore({ folder })).rejects.toThrow(/no other process/);
    await s.createProject(store, { id: "kept", name: "kept", settings: {} });
    await store.close();
    const again = await s.openStore({ folder });
    expect(await s.findProject(again, "kept")).toMatchObject({ name: "kept" });
    await again.close();
    rmSync(folder, { recursive: true });
  });
});
