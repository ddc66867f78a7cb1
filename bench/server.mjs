/**
 * A server under the load of many annotators, on PostgreSQL and on the embedded database; needs no peer and no Python.
 *
 *   npm run bench -- server                          200 people for a minute, 5 s of thought a judgement, on both
 *   npm run bench -- server --database pglite        postgres, pglite
 *   npm run bench -- server --annotators 50 --seconds 20 --think 2
 *   npm run bench -- server --kills 20               kill -9 the server that often meanwhile; people retry as the page does
 *   npm run bench -- server --json                   one object a line
 *
 * Afterwards the store is opened and compared with the receipts: nothing lost, nothing doubled, no item given more often than
 * asked for, sums equal to a recount.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { annotate, call, join } from "./server/annotators.mjs";
import { checkStore } from "./server/check-store.mjs";
import { privatePostgres } from "./server/postgres.mjs";
import { ownerToken, startServer } from "./server/running.mjs";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    json: { type: "boolean", default: false },
    database: { type: "string", multiple: true, default: ["postgres", "pglite"] },
    annotators: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    think: { type: "string", default: "5" },
    kills: { type: "string", default: "0" },
  },
});
const people = Number(values.annotators);
const seconds = Number(values.seconds);
const think = Number(values.think);
const kills = Number(values.kills);
const overlap = 3;
const project = "load";
/** 95 of 100 calls are to be quicker, in milliseconds. */
const bars = { postgres: 50, pglite: 150 };
const say = (text) => process.stderr.write(`${text}\n`);

const percentile = (sorted, p) =>
  sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
const spread = (times) => {
  const sorted = times.map(({ ms }) => ms).toSorted((a, b) => a - b);
  return {
    calls: sorted.length,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
  };
};

/** A project with items enough, and everybody with a session. */
async function prepare(port) {
  const owner = { authorization: `Bearer ${ownerToken}` };
  const must = async (path, body) => {
    const { status, value } = await call(port, { path, body, headers: owner });
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(value)}`);
    return value;
  };
  await must("/api/projects", { id: project, name: "Load", settings: { overlap, gold_every: 0 } });
  const count = Math.max(500, Math.ceil((people * seconds) / Math.max(think, 0.05) / overlap));
  const words = "an answer of some length, as people are shown them, with words and more words. ";
  for (let from = 0; from < count; from += 500) {
    const items = Array.from({ length: Math.min(500, count - from) }, (_, k) => ({
      id: `item-${from + k}`,
      prompt: [{ role: "user", content: `Question ${from + k}: what is the better answer?` }],
      candidates: ["x", "y"].map((id) => ({
        id,
        source: { model: `model-${id}${(from + k) % 3}` },
        messages: [{ role: "assistant", content: `${id}: ${words.repeat(5 + ((from + k) % 10))}` }],
      })),
    }));
    await must(`/api/projects/${project}/items`, { items });
  }
  const { token } = await must(`/api/projects/${project}/invitations`, { uses: people });
  return Promise.all(Array.from({ length: people }, () => join(port, token)));
}

async function measure(database, where) {
  const server = await startServer(where);
  say(`${database}: ${people} people come in`);
  const sessions = await prepare(server.port);
  const result = { times: { next: [], submit: [] }, receipts: [], errors: [], retries: 0, idle: 0, sent: 0 };
  const begin = performance.now();
  const until = begin + seconds * 1000;
  const cpu = server.processor();
  const keptBefore = kills === 0 ? await server.kept() : undefined;
  say(`${database}: ${seconds} s of judging`);
  const work = Promise.all(
    sessions.map((headers) =>
      annotate({ port: server.port, project, headers, result, until, think, patient: kills > 0 }),
    ),
  );
  const memory = [];
  const watching = (async () => {
    while (performance.now() < until) {
      if (kills === 0) memory.push(Math.round(server.memory()));
      await sleep(Math.min(10_000, seconds * 200));
    }
  })();
  for (let n = 0; n < kills; n += 1) {
    await sleep(((seconds * 1000) / (kills + 1)) * (0.5 + Math.random()));
    await server.kill();
    await server.start();
  }
  await Promise.all([work, watching]);
  const elapsed = (performance.now() - begin) / 1000;
  const used = kills === 0 ? server.processor() - cpu : undefined;
  const kept = kills === 0 ? [keptBefore, await server.kept()] : undefined;
  // Everybody's first items are asked for within one time of thought, by connections that are new.
  const atStart = (times) => spread(times.filter(({ start }) => start < begin + think * 1000));
  await server.stop();
  const stored = await checkStore(where, { project, overlap, receipts: result.receipts });
  return {
    name: "server",
    database,
    annotators: people,
    think_s: think,
    seconds: Math.round(elapsed),
    judgements: result.receipts.length,
    requests_per_s: (result.times.next.length + result.times.submit.length) / elapsed,
    next_ms: spread(result.times.next),
    submit_ms: spread(result.times.submit),
    bar_ms: bars[database],
    ...(used !== undefined && { processor_share: used / elapsed }),
    start: { next_ms: atStart(result.times.next), submit_ms: atStart(result.times.submit) },
    memory_mb: memory,
    ...(kept !== undefined && { kept_mb: kept }),
    errors: result.errors.length,
    first_error: result.errors[0] ?? null,
    waited: result.idle,
    kills,
    retries: result.retries,
    ...stored,
  };
}

const ms = ({ p50, p95, p99 }) => `p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
function print(line) {
  if (values.json) {
    console.log(JSON.stringify(line));
    return;
  }
  const verdict = ({ p95 }) =>
    kills > 0
      ? ""
      : p95 <= line.bar_ms
        ? `  (bar ${line.bar_ms}: reached)`
        : `  (bar ${line.bar_ms}: NOT reached)`;
  const rows = [
    `${line.database}: ${line.annotators} people, ${line.think_s} s of thought, ${line.seconds} s: ${line.judgements} judgements, ${line.requests_per_s.toFixed(0)} requests/s`,
    `  next item  ${ms(line.next_ms)}${verdict(line.next_ms)}`,
    `  submit     ${ms(line.submit_ms)}${verdict(line.submit_ms)}`,
    `  of these, in the first ${line.think_s} s: next p95 ${line.start.next_ms.p95.toFixed(1)}, submit p95 ${line.start.submit_ms.p95.toFixed(1)} ms`,
    ...(kills > 0
      ? [`  kill -9    ${kills} times, ${line.retries} calls tried again`]
      : [
          `  server     ${(100 * line.processor_share).toFixed(0)}% of one processor; memory ${line.memory_mb.join(", ")} MB`,
          `  heap       ${line.kept_mb.map((each) => each.toFixed(1)).join(" MB held before, ")} MB after (full collections)`,
        ]),
    `  errors     ${line.errors}${line.first_error === null ? "" : ` (${line.first_error})`}`,
    `  store      ${line.stored} judgements, ${line.lost} acknowledged ones lost, ${line.doubled} doubled, ${line.beyond_overlap} items given too often, sums ${line.sums_hold ? "hold" : "DO NOT HOLD"}`,
  ];
  console.log(rows.join("\n"));
}

let failed = false;
for (const database of values.database) {
  const folder = mkdtempSync(joinPath(tmpdir(), "attune-load-"));
  const postgres = database === "postgres" ? await privatePostgres() : undefined;
  const why = postgres?.whyNoPostgres();
  if (why !== undefined) {
    say(`postgres is left out: ${why}`);
    continue;
  }
  const running = await postgres?.startPostgres();
  try {
    const line = await measure(database, running ? { url: running.url } : { folder });
    print(line);
    failed ||=
      line.errors > 0 || line.lost > 0 || line.doubled > 0 || line.beyond_overlap > 0 || !line.sums_hold;
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);
