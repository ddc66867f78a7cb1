/**
 * What the pages of a large project cost: agreement, people, leaderboard, progress, the queue of disagreements, the next item. The
 * calls are those of the server's routes, in one process, with the store between; needs no peer and no Python.
 *
 *   npm run bench -- store                         1,000,000 judgements in PostgreSQL
 *   npm run bench -- store --judgements 100000 --database pglite
 *   npm run bench -- store --json                  one object a line
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { logLines, serve } from "../dist/server/index.js";
import { createAnnotator, openStore } from "../dist/store/index.js";
import { call } from "./server/annotators.mjs";
import { fillStore } from "./server/fill-store.mjs";
import { privatePostgres } from "./server/postgres.mjs";
import { ownerToken } from "./server/running.mjs";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    json: { type: "boolean", default: false },
    database: { type: "string", multiple: true, default: ["postgres"] },
    judgements: { type: "string", default: "1000000" },
    repeats: { type: "string", default: "5" },
  },
});
const project = "many";
const judgements = Number(values.judgements);
/** Milliseconds; the bar is the agreement page's. */
const bar = 2000;
const say = (text) => process.stderr.write(`${text}\n`);
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

const pages = {
  agreement: ["GET", `/api/projects/${project}/agreement`],
  groups: ["GET", `/api/projects/${project}/agreement/groups`],
  pairs: ["GET", `/api/projects/${project}/agreement/pairs`],
  annotators: ["GET", `/api/projects/${project}/annotators`],
  leaderboard: ["GET", `/api/projects/${project}/leaderboard`],
  progress: ["GET", `/api/projects/${project}/progress`],
  disagreements: ["GET", `/api/projects/${project}/review?limit=20`],
  browser: ["GET", `/api/projects/${project}/items?limit=50`],
  next: ["POST", `/api/projects/${project}/next`],
};

async function measure(database, where) {
  const store = await openStore(where);
  const begin = performance.now();
  say(`${database}: writing ${judgements} judgements`);
  await fillStore(store, { project, judgements });
  const filled = (performance.now() - begin) / 1000;
  say(`${database}: written in ${filled.toFixed(0)} s`);
  await createAnnotator(store, { project, role: "annotator", id: "newcomer" });
  const server = await serve({ store, log: logLines(() => undefined), token: ownerToken });
  try {
    for (const [name, [method, path]] of Object.entries(pages)) {
      const times = [];
      for (let n = 0; n < Number(values.repeats); n += 1) {
        const start = performance.now();
        const { status, value } = await call(server.port, {
          method,
          path,
          headers: { authorization: `Bearer ${ownerToken}` },
        });
        times.push(performance.now() - start);
        if (status !== 200) throw new Error(`${name}: ${status} ${JSON.stringify(value)}`);
      }
      const line = {
        name: `store ${name}`,
        database,
        judgements,
        median_ms: median(times),
        worst_ms: Math.max(...times),
        fill_s: filled,
      };
      if (values.json) console.log(JSON.stringify(line));
      else {
        const verdict =
          name !== "agreement"
            ? ""
            : line.worst_ms <= bar
              ? `  (bar ${bar}: reached)`
              : `  (bar ${bar}: NOT reached)`;
        console.log(
          `${database} ${judgements} ${name.padEnd(14)} median ${line.median_ms.toFixed(0)} ms, worst ${line.worst_ms.toFixed(0)} ms${verdict}`,
        );
      }
    }
  } finally {
    await server.close();
    await store.close();
  }
}

for (const database of values.database) {
  const folder = mkdtempSync(join(tmpdir(), "attune-many-"));
  const postgres = database === "postgres" ? await privatePostgres() : undefined;
  const why = postgres?.whyNoPostgres();
  if (why !== undefined) {
    say(`postgres is left out: ${why}`);
    continue;
  }
  const running = await postgres?.startPostgres();
  try {
    await measure(database, running ? { url: running.url, connections: 4 } : { folder });
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
