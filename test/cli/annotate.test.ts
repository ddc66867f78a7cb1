/** `attune annotate` and `attune serve` as a person starts and stops them. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { runCli } from "../../src/cli/run-cli.js";

const folder = mkdtempSync(join(tmpdir(), "attune-annotate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "My pairs.jsonl");
const store = join(folder, "store");
const guideline = join(folder, "how.md");
const rows = ["a", "b"].map((name) => ({ prompt: `Say ${name}`, chosen: name, rejected: `not ${name}` }));
writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
writeFileSync(guideline, "# Be kind");

/** Starts a command, works with the address that it prints, and stops it as Ctrl-C does. */
async function started(
  args: string[],
  work: (o: { url: string; token: string }) => Promise<void> = () => Promise.resolve(),
): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const io = {
    out: (text: string) => void (out += `${text}\n`),
    piece: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    errIsTerminal: false,
    colour: false,
    columns: 100,
  };
  const ended = runCli([...args, "--store", store], { io, debug: false });
  const address = (): RegExpExecArray | null => /(http:\S+)\/#token=(\S+)/.exec(out);
  let code: number | undefined;
  void ended.then((each) => (code = each));
  await expect.poll(() => address() !== null || code !== undefined, { timeout: 50_000 }).toBe(true);
  const [, url, token] = address() ?? [];
  if (url !== undefined && token !== undefined) {
    await work({ url, token });
    process.emit("SIGINT");
  }
  return { code: await ended, out, err };
}

const ask = async (o: { url: string; token: string }, path: string): Promise<unknown> =>
  (await fetch(`${o.url}${path}`, { headers: { authorization: `Bearer ${o.token}` } })).json();

it("serves a file's pairs, adds nothing twice, and serves the store again", async () => {
  const args = ["annotate", file, "--port", "0", "--overlap", "2", "--guideline", guideline];
  for (const [round, words] of [/2 items added/, /0 items added, 2 known already/].entries()) {
    const { code, out } = await started(args, async (at) => {
      expect(await ask(at, "/api/projects/my-pairs/progress")).toMatchObject({
        items: 2,
        wanted: 4,
        judgements: 0,
      });
      expect(await ask(at, "/api/projects/my-pairs/guidelines")).toMatchObject({
        guidelines: [{ version: 1, markdown: "# Be kind" }],
      });
    });
    expect(out, String(round)).toMatch(words);
    expect(code).toBe(0);
  }
  const served = await started(["serve", "--port", "0"], async (at) => {
    expect(await ask(at, "/api/projects")).toMatchObject({
      projects: [{ id: "my-pairs", settings: { overlap: 2 } }],
    });
  });
  expect([served.code, served.out]).toEqual([0, expect.stringContaining("1 project (my-pairs)")]);
});

it.skipIf(process.platform === "win32")(
  "opens the browser on a file of the owner's, with a token that works once; nothing is on its command line",
  async () => {
    // A browser that writes down what it was started with, and what the file held.
    const bin = join(folder, "bin");
    const seen = join(folder, "seen.json");
    mkdirSync(bin);
    const script = `#!${process.execPath}
      const { readFileSync, renameSync, statSync, writeFileSync } = require("node:fs");
      const file = new URL(process.argv[2]);
      const text = JSON.stringify({ args: process.argv.slice(2), mode: statSync(file).mode, page: readFileSync(file, "utf8") });
      writeFileSync(${JSON.stringify(`${seen}.part`)}, text);
      renameSync(${JSON.stringify(`${seen}.part`)}, ${JSON.stringify(seen)});`;
    for (const name of ["xdg-open", "open"]) writeFileSync(join(bin, name), script, { mode: 0o755 });
    const path = process.env["PATH"];
    process.env["PATH"] = `${bin}:${path}`;
    let shown = "";
    try {
      await started(["annotate", file, "--port", "0", "--open"], async ({ url, token }) => {
        await expect.poll(() => existsSync(seen), { timeout: 20_000 }).toBe(true);
        const { args, mode, page } = JSON.parse(readFileSync(seen, "utf8")) as {
          args: [string];
          mode: number;
          page: string;
        };
        shown = fileURLToPath(args[0]);
        const once = /url=[^"#]+\/#token=([\w-]+)"/.exec(page)![1]!;
        expect(args.join(" ")).not.toMatch(new RegExp(`${token}|${once}|token`));
        expect(page).not.toContain(token);
        expect(mode & 0o777).toBe(0o600);
        const enter = async () => {
          const headers = { "content-type": "application/json" };
          const body = JSON.stringify({ token: once });
          const reply = await fetch(`${url}/api/session`, { method: "POST", headers, body });
          return { status: reply.status, body: await reply.json() };
        };
        expect(await enter()).toMatchObject({ status: 200, body: { role: "owner", project: null } });
        expect(await enter()).toMatchObject({ status: 401, body: { error: { code: "unauthenticated" } } });
      });
    } finally {
      process.env["PATH"] = path;
    }
    expect(shown).not.toBe("");
    expect(existsSync(shown)).toBe(false);
  },
);

it("says what to mend where there is nothing to judge", async () => {
  const empty = join(folder, "prompts.jsonl");
  writeFileSync(empty, `${JSON.stringify({ prompt: "Only a prompt" })}\n`);
  const { code, err } = await started(["annotate", empty]);
  expect([code, err]).toEqual([1, expect.stringMatching(/prompts without answers[\s\S]*attune pairs/)]);
});
