/**
 * A process that judges as fast as it can, for tests that kill it. Says on its output, with no buffer between, what it is about to
 * send (`send KEY LEASE PERSON`) and what was acknowledged (`ack KEY JUDGEMENT`). Runs the compiled store.
 *
 *   node writer.mjs '{"folder"|"url", "project", "people": [], "resend": [[key, lease, person]]}'
 */
import { writeSync } from "node:fs";
import { openStore, submit, takeNext } from "../../dist/store/index.js";

const o = JSON.parse(process.argv[2]);
const say = (...words) => writeSync(1, `${words.join(" ")}\n`);
const store = await openStore(o.url ? { url: o.url } : { folder: o.folder });
say("ready");

const answer = (shown) => ({ outcome: { type: "pair", chosen: shown[0], rejected: shown[1] } });
const { project } = o;
async function send([key, lease, annotator]) {
  say("send", key, lease, annotator);
  const stored = await submit(store, { project, annotator, lease, key, answer, active_ms: 5 });
  if (typeof stored === "string") throw new Error(`submit of ${key}: ${stored}`);
  say("ack", key, stored.judgement);
}
// What was sent and not answered is sent again, as a page does that comes back online.
for (const each of o.resend) await send(each);
await Promise.all(
  o.people.map(async (annotator) => {
    for (;;) {
      const lease = await takeNext(store, {
        project,
        annotator,
        overlap: 3,
        leaseSeconds: 300,
        policy: "least-judged",
        goldEvery: 0,
        repeatEvery: 0,
        repeatGap: 1,
        practice: 0,
      });
      if (lease === undefined) return;
      await send([`key-${lease.id}`, lease.id, annotator]);
    }
  }),
);
say("done");
await store.close();
