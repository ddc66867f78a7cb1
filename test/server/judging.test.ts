/** Judging over HTTP, from the first item to the last, and everything that is read of it afterwards. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { judge, newKey, pairs, project, start, type Running } from "./running.js";
import { dumpProject } from "../../src/store/export/index.js";
import { startPostgres, whyNoPostgres } from "../store/postgres.js";

const kinds = ["pglite", "postgres"] as const;
for (const kind of kinds) {
  const why = kind === "postgres" ? whyNoPostgres() : undefined;
  if (why !== undefined) process.stderr.write(`server on ${kind} is skipped: ${why}\n`);
  describe.skipIf(why !== undefined)(`judging on ${kind}`, () => {
    let running: Running;
    let postgres: Awaited<ReturnType<typeof startPostgres>> | undefined;
    beforeAll(async () => {
      if (kind === "postgres") postgres = await startPostgres();
      running = await start(postgres && { databaseUrl: postgres.url });
    });
    afterAll(async () => {
      await running?.close();
      await postgres?.stop();
    });

    it("gives two people the same pairs, and the owner their agreement", async () => {
      const id = await project(running, { items: pairs(4), settings: { overlap: 2, gold_every: 0 } });
      const people = [await running.join(id), await running.join(id)];
      for (const person of people) {
        for (let k = 0; k < 4; k += 1) {
          const next = await person.send("POST", `/api/projects/${id}/next`);
          const { item, lease } = next.body;
          const place = item.candidates.findIndex((each: { messages: { content: string }[] }) =>
            each.messages[0]!.content.startsWith("Answer x"),
          );
          const [chosen, rejected] = place === 0 ? ["A", "B"] : ["B", "A"];
          const receipt = await person.send("POST", `/api/projects/${id}/judgements`, {
            key: newKey(),
            lease,
            answer: { outcome: { type: "pair", chosen, rejected }, strength: place === 0 ? -2 : 2 },
          });
          expect(receipt.body).toMatchObject({
            late: false,
            replayed: false,
            feedback: null,
            progress: { done: k + 1 },
          });
        }
        expect((await person.send("POST", `/api/projects/${id}/next`)).body).toMatchObject({
          kind: "nothing",
          reason: "complete",
        });
      }
      const owner = await running.owner();
      const agreement = (await owner.get(`/api/projects/${id}/agreement`)).body;
      expect(agreement).toMatchObject({
        items: 4,
        judgements: 8,
        annotators: 2,
        categories: [{ name: "first", count: 8 }],
        percent: { value: 1 },
        alpha: { value: null },
      });
      const pairsPath = `/api/projects/${id}/agreement/pairs`;
      const [one, other] = people.map(({ annotator }) => annotator).toSorted();
      const { body: matrix } = await owner.get(pairsPath);
      expect(matrix).toMatchObject({ people: [one, other], overall: 1, left_out: 0 });
      expect(matrix.pairs).toEqual([
        {
          one,
          other,
          compared: 4,
          agreed: 4,
          agreement: 1,
          low: expect.closeTo(0.5101, 4),
          high: 1,
          unlike: null,
        },
      ]);
      expect((await owner.get(`${pairsPath}?most=1`)).status).toBe(400);
      expect((await people[0]!.get(pairsPath)).status).toBe(403);
      expect((await owner.get(`/api/projects/${id}/leaderboard`)).body.rows).toMatchObject([
        { model: "model-x", wins: 8, comparisons: 8 },
        { model: "model-y", wins: 0, comparisons: 8 },
      ]);
      expect((await owner.get(`/api/projects/${id}/progress`)).body).toMatchObject({
        items: 4,
        complete: 4,
        judgements: 8,
        wanted: 0,
      });
      const lines = (await owner.get(`/api/projects/${id}/export?to=dpo`)).body
        .trim()
        .split("\n")
        .map((line: string) => JSON.parse(line));
      expect(lines).toHaveLength(4);
      expect(lines[0]).toMatchObject({
        chosen: [{ content: "Answer x to 0" }],
        rejected: [{ content: "Answer y to 0" }],
      });
    });

    it("gives the owner the same dump that attune export writes, and nobody else", async () => {
      const id = await project(running, { items: pairs(2), settings: { overlap: 2 } });
      const person = await running.join(id);
      for (let k = 0; k < 2; k += 1) await judge(person, id);
      const owner = await running.owner();
      await owner.send("POST", `/api/projects/${id}/items/item-0/adjudicate`, {
        answer: { outcome: { type: "pair", chosen: "y", rejected: "x" } },
        reason: "said so",
      });
      const path = `/api/projects/${id}/export?to=dump`;
      const rows: object[] = [];
      for await (const row of dumpProject(running.store, id)) rows.push(row);
      expect((await owner.get(path)).body).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      expect(rows.map((row) => (row as { type: string }).type)).toEqual([
        "project",
        "item",
        "item",
        "judgement",
        "judgement",
        "decision",
      ]);
      expect((await person.get(path)).status).toBe(403);
    });

    it("stores a retried submit once", async () => {
      const id = await project(running);
      const person = await running.join(id);
      const { lease } = (await person.send("POST", `/api/projects/${id}/next`)).body;
      const body = {
        key: newKey(),
        lease,
        answer: { outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" },
      };
      const [one, two] = [
        await person.send("POST", `/api/projects/${id}/judgements`, body),
        await person.send("POST", `/api/projects/${id}/judgements`, body),
      ];
      expect([one.body.replayed, two.body.replayed]).toEqual([false, true]);
      expect(two.body.judgement).toBe(one.body.judgement);
      const again = await person.send("POST", `/api/projects/${id}/judgements`, { ...body, key: newKey() });
      expect([again.status, again.body.error.code]).toEqual([409, "conflict"]);
    });

    it("takes an answer back and gives it anew", async () => {
      const id = await project(running);
      const person = await running.join(id);
      expect((await person.send("POST", `/api/projects/${id}/undo`)).body).toEqual({
        judgement: null,
        item: null,
      });
      await judge(person, id);
      const undone = (await person.send("POST", `/api/projects/${id}/undo`)).body;
      expect(undone.judgement.answer.outcome).toEqual({ type: "pair", chosen: "A", rejected: "B" });
      const path = `/api/projects/${id}/judgements/${undone.judgement.judgement}`;
      const revised = await person.send("POST", `${path}/revise`, {
        key: newKey(),
        answer: { outcome: { type: "pair", chosen: "B", rejected: "A" } },
      });
      expect(revised.status).toBe(200);
      expect(
        (await person.send("POST", `${path}/revise`, { key: newKey(), answer: { skipped: { reason: "x" } } }))
          .status,
      ).toBe(409);
      const history = (await person.get(`/api/projects/${id}/history`)).body.entries;
      expect(history.map(({ replaced }: { replaced: boolean }) => replaced)).toEqual([false, true]);
      expect((await person.get(path)).body.judgement.replaced).toBe(true);
      expect((await person.get(`/api/projects/${id}/me`)).body).toMatchObject({ done: 1 });
    });

    it("lets a lease last, end and be given back", async () => {
      const id = await project(running, { items: pairs(1), settings: { lease_seconds: 10 } });
      const [person, other] = [await running.join(id), await running.join(id)];
      const { lease } = (await person.send("POST", `/api/projects/${id}/next`)).body;
      const beat = await person.send("POST", `/api/projects/${id}/leases/${lease}/heartbeat`);
      expect(beat.body.lease).toBe(lease);
      expect((await other.send("POST", `/api/projects/${id}/next`)).body).toMatchObject({
        kind: "nothing",
        reason: "waiting",
      });
      expect((await other.send("POST", `/api/projects/${id}/leases/${lease}/heartbeat`)).status).toBe(409);
      expect((await other.send("DELETE", `/api/projects/${id}/leases/${lease}`)).status).toBe(404);
      expect((await person.send("DELETE", `/api/projects/${id}/leases/${lease}`)).status).toBe(200);
      expect((await other.send("POST", `/api/projects/${id}/next`)).body.kind).toBe("item");
      running.clock.ahead += 11_000;
      const gone = await other.send("POST", `/api/projects/${id}/leases/${lease}/heartbeat`);
      expect([gone.status, gone.body.error.code]).toEqual([409, "lease_gone"]);
    });
  });
}
