/**
 * From `attune annotate FILE` to the first pair in a browser that is open already; needs no peer and no Python, but Chromium.
 *
 *   npm run bench -- annotate                 20 pairs into a new store, 5 times; medians are printed
 *   npm run bench -- annotate --again         into a store that knows them already, as on the second day
 *   npm run bench -- annotate --pairs 1000 --repeats 9
 *   npm run bench -- annotate --json          one object a line
 *
 * The clock starts with the process. `server` is the processor time of that process, user and system, until the pair is there.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    json: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    pairs: { type: "string", default: "20" },
    repeats: { type: "string", default: "5" },
  },
});
/** Seconds. */
const bar = 5;
const binary = join(fileURLToPath(new URL("..", import.meta.url)), "dist", "cli", "main.js");
const executablePath = [
  process.env.ATTUNE_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path !== undefined && existsSync(path));
if (executablePath === undefined) {
  console.error("bench: no Chromium (ATTUNE_CHROMIUM names one)");
  process.exit(1);
}

const { DATABASE_URL: _, ATTUNE_TOKEN: __, ...env } = process.env;
const folder = mkdtempSync(join(tmpdir(), "attune-first-pair-"));
const file = join(folder, "pairs.jsonl");
const words = "an answer of some length, as people are shown them, with words and more words. ";
const rows = Array.from({ length: Number(values.pairs) }, (_, k) => ({
  prompt: `Question ${k}: what is the better answer?`,
  chosen: `First, ${words.repeat(3 + (k % 5))}`,
  rejected: `Second, ${words.repeat(2 + (k % 7))}`,
}));
writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

/** Seconds of processor of a process, where the system tells it. */
function processor(pid) {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return null;
  const stat = readFileSync(path, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function firstPair(browser, store) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const start = performance.now();
  const child = spawn(process.execPath, [binary, "annotate", file, "--port", "0", "--store", store], { env });
  const ended = once(child, "exit");
  try {
    let said = "";
    const address = await new Promise((done, fail) => {
      child.stderr.on("data", (text) => (said += text));
      child.stdout.on("data", (text) => {
        said += text;
        const url = /http:\S+#token=\S+/.exec(said)?.[0];
        if (url !== undefined) done(url);
      });
      child.on("exit", () => fail(new Error(`attune annotate ended: ${said}`)));
    });
    const printed = performance.now();
    await page.goto(address, { waitUntil: "commit" });
    await page.locator(".pane").first().waitFor();
    const shown = performance.now();
    return {
      total: (shown - start) / 1000,
      printed: (printed - start) / 1000,
      server: processor(child.pid),
    };
  } finally {
    child.kill("SIGTERM");
    await ended;
    await context.close();
  }
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const runs = [];
try {
  const known = join(folder, "known");
  if (values.again) await firstPair(browser, known);
  for (let n = 0; n < Number(values.repeats); n += 1)
    runs.push(await firstPair(browser, values.again ? known : join(folder, `store-${n}`)));
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
const median = (name) => {
  const sorted = runs.map((run) => run[name]).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
};
const [total, printed, server] = [median("total"), median("printed"), median("server")];
const line = {
  name: "annotate",
  pairs: rows.length,
  store: values.again ? "known" : "new",
  first_pair_s: total,
  address_s: printed,
  server_cpu_s: server,
  all_s: runs.map((run) => run.total),
  bar_s: bar,
  load: loadavg()[0],
};
if (values.json) console.log(JSON.stringify(line));
else {
  const all = line.all_s.map((seconds) => seconds.toFixed(1)).join(", ");
  console.log(
    `annotate: ${line.pairs} pairs, ${line.store} store: first pair after ${total.toFixed(2)} s (bar ${bar}: ${total <= bar ? "reached" : "NOT reached"})
  address    printed after ${printed.toFixed(2)} s
  server     ${server === null ? "not told" : `${server.toFixed(2)} s of processor`}
  all        ${all} s, load ${line.load.toFixed(1)}`,
  );
}
process.exit(total <= bar ? 0 : 1);
