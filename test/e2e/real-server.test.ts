/** People in browsers, the server in a process of its own, and training on what they said. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AnnotationProcess, startAnnotationProcess } from "../support/annotation-process.js";
import { launch, noBrowser } from "../support/browser.js";
import { repositoryRoot } from "../support/shared.js";

const questions = 20;
/** The first candidate of each is the kind one. */
const items = (count: number) =>
  Array.from({ length: count }, (_, k) => ({
    id: `item-${k}`,
    prompt: [{ role: "user", content: `Question ${k}: what is ${k} plus ${k}?` }],
    candidates: [
      {
        id: "kind",
        source: { model: "tuned" },
        messages: [{ role: "assistant", content: `Gladly: it is ${2 * k}.` }],
      },
      {
        id: "curt",
        source: { model: "base" },
        messages: [{ role: "assistant", content: `${2 * k}, obviously.` }],
      },
    ],
  }));

describe.skipIf(noBrowser !== undefined)("people judging on the real server", { timeout: 180_000 }, () => {
  let browser: Browser;
  let server: AnnotationProcess;
  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), startAnnotationProcess()]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  const newProject = async (id: string, { count = 2, settings = {} } = {}): Promise<void> => {
    const body = { id, name: id, settings: { gold_every: 0, lease_seconds: 5, ...settings } };
    await server.owner.call("createProject", { body });
    await server.owner.call("addItems", { path: { project: id }, body: { items: items(count) } });
  };
  const enter = async (link: string, options: BrowserContextOptions = {}): Promise<Page> => {
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(link);
    return page;
  };
  const judgements = async (project: string): Promise<number> =>
    (await server.owner.call("progress", { path: { project } })).judgements;
  const pairNow = async (page: Page): Promise<{ question: number; kindIsLeft: boolean }> => {
    await page.locator(".pane").first().waitFor();
    return {
      question: Number(/Question (\d+)/.exec(await page.locator(".prompt").innerText())![1]),
      kindIsLeft: (await page.locator(".pane").first().innerText()).includes("Gladly"),
    };
  };
  /** Until this item is no longer the one on the screen. */
  const gone = (page: Page, question: number) =>
    page.locator(".prompt", { hasText: `Question ${question}:` }).waitFor({ state: "detached" });

  it("goes from two people at their keys and a third on a phone to agreement, a decision, an export and a trained model", async () => {
    await newProject("circle", { count: questions, settings: { overlap: 3 } });
    const byKeys = async (prefersKind: (question: number) => boolean): Promise<void> => {
      const page = await enter(await server.link("circle"));
      for (let k = 0; k < questions; k++) {
        const { question, kindIsLeft } = await pairNow(page);
        await page.keyboard.press(prefersKind(question) === kindIsLeft ? "2" : "6");
        await page.keyboard.press("Enter");
        await gone(page, question);
      }
      await page.getByText("All done").waitFor();
      await page.context().close();
    };
    const onPhone = async (): Promise<void> => {
      const page = await enter(await server.link("circle"), {
        viewport: { width: 360, height: 740 },
        hasTouch: true,
        isMobile: true,
      });
      for (let k = 0; k < questions; k++) {
        const { question, kindIsLeft } = await pairNow(page);
        await page.getByLabel(kindIsLeft ? "A much better" : "B much better").tap();
        await page.getByRole("button", { name: "Submit" }).tap();
        await gone(page, question);
      }
      await page.getByText("All done").waitFor();
      await page.context().close();
    };
    await Promise.all([byKeys(() => true), byKeys((question) => question % 5 !== 0), onPhone()]);
    expect(await judgements("circle")).toBe(3 * questions);

    const owner = await (await browser.newContext()).newPage();
    await owner.addInitScript(`localStorage.setItem("attune.project", "circle")`);
    await owner.goto(server.ownerLink);
    await owner.getByRole("link", { name: "Agreement" }).click();
    // Four of twenty items have one of three people against the others.
    await owner.locator(".tile", { hasText: "of two people say the same" }).getByText("87%").waitFor();
    await owner.locator(".drawing svg circle").first().waitFor();
    await owner.getByRole("link", { name: "Leaderboard" }).click();
    await owner.getByText(/Expected to be preferred to base in \d+% of decided pairs/).waitFor();

    await owner.getByRole("link", { name: "Review" }).click();
    await owner.getByText("1 of 4").waitFor();
    await owner.keyboard.press("1");
    await owner.locator(".chip.on", { hasText: "A better" }).waitFor();
    await owner.keyboard.press("Enter");
    await owner.getByText("1 of 3").waitFor();

    await owner.getByRole("link", { name: "Export" }).click();
    const [download] = await Promise.all([
      owner.waitForEvent("download"),
      owner.getByRole("link", { name: "Download JSON Lines" }).click(),
    ]);
    const folder = mkdtempSync(join(tmpdir(), "attune-circle-"));
    const file = join(folder, download.suggestedFilename());
    await download.saveAs(file);
    const rows = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { chosen: { content: string }[]; rejected: { content: string }[] });
    expect(rows).toHaveLength(questions);
    expect(rows.every(({ chosen }) => chosen.at(-1)!.content.startsWith("Gladly"))).toBe(true);
    await owner.context().close();

    const command = `train dpo --model models/tiny --max-steps 3 --data ${file} --output ${join(folder, "run")}`;
    const said = execFileSync(
      process.execPath,
      [join(repositoryRoot, "dist/cli/main.js"), ...command.split(" ")],
      { cwd: repositoryRoot, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
    );
    expect(said).toContain("done: 3 steps");
    const config = JSON.parse(readFileSync(join(folder, "run/model/config.json"), "utf8")) as object;
    expect(config).toHaveProperty("model_type");
    rmSync(folder, { recursive: true });
  });

  it("lets one person in by a link made on the page, and nobody else by the same", async () => {
    await newProject("links");
    await newProject("another");
    const owner = await enter(server.ownerLink);
    await owner.getByLabel("Project").selectOption("links");
    await owner.getByRole("link", { name: "Set-up" }).click();
    await owner.getByRole("button", { name: "Make a link" }).click();
    const link = await owner.getByLabel("Send this link").inputValue();
    const first = await enter(link);
    await pairNow(first);
    expect(await first.getByRole("link", { name: "Set-up" }).count()).toBe(0);
    await first.reload();
    await pairNow(first);
    const second = await enter(link);
    await second.getByText("This link is no good").waitFor();
    await Promise.all([owner, first, second].map((page) => page.context().close()));
  });

  it("keeps what was judged without a connection, and stores once what was sent twice", async () => {
    await newProject("offline", { count: 3 });
    const page = await enter(await server.link("offline"));
    const first = await pairNow(page);
    await page.context().setOffline(true);
    await page.keyboard.press("1");
    await page.keyboard.press("Enter");
    await page.getByText("1 judgement waits on this device").waitFor();
    expect(await judgements("offline")).toBe(0);
    await page.context().setOffline(false);
    await gone(page, first.question);
    await expect.poll(() => judgements("offline")).toBe(1);

    // The server takes it, but its answer never arrives: the page sends it again, with the same key.
    const second = await pairNow(page);
    let cut = 0;
    await page.route("**/judgements", async (route) => {
      if (cut++ > 0) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.keyboard.press("7");
    await page.keyboard.press("Enter");
    await gone(page, second.question);
    expect(cut).toBe(2);
    expect(await judgements("offline")).toBe(2);

    // A finger that falls on Enter twice.
    const third = await pairNow(page);
    await page.keyboard.press("7");
    await Promise.all([page.keyboard.press("Enter"), page.keyboard.press("Enter")]);
    await gone(page, third.question);
    await page.getByText("All done").waitFor();
    expect(await judgements("offline")).toBe(3);
    await page.context().close();
  });

  it("gives an item to one person at a time, takes it back from who went away, and keeps their late answer", async () => {
    await newProject("lease", { count: 1 });
    const away = await enter(await server.link("lease"));
    await pairNow(away);
    const waiting = await enter(await server.link("lease"));
    await waiting.getByText("Nothing for you right now").waitFor();
    await away.evaluate(
      "Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })",
    );
    // The lease of five seconds runs out, and the page that waits looks again by itself.
    await pairNow(waiting);
    await away.evaluate(
      "delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))",
    );
    await away.getByText("You were away for a while").waitFor();
    for (const page of [away, waiting]) {
      await page.keyboard.press("1");
      await page.keyboard.press("Enter");
      await page.getByText("All done").waitFor();
    }
    expect(await judgements("lease")).toBe(2);
    const { judgements: kept } = await server.owner.call("item", {
      path: { project: "lease", item: "item-0" },
    });
    expect(kept.map(({ late }) => late).toSorted()).toEqual([false, true]);
    await Promise.all([away, waiting].map((page) => page.context().close()));
  });

  it("loses nothing when the server is killed while people judge", async () => {
    await newProject("killed", { count: 4 });
    const page = await enter(await server.link("killed"));
    const acknowledged = await pairNow(page);
    await page.keyboard.press("1");
    await page.keyboard.press("Enter");
    await gone(page, acknowledged.question);
    const { question } = await pairNow(page);
    await page.keyboard.press("2");
    await page.locator(".point.on").waitFor();
    await server.kill();
    await page.keyboard.press("Enter");
    await page.getByText("1 judgement waits on this device").waitFor();
    await server.start();
    await gone(page, question);
    await pairNow(page);
    await page.getByText("waits on this device").waitFor({ state: "detached" });
    expect(await judgements("killed")).toBe(2);
    await page.keyboard.press("z");
    await page.locator(".prompt", { hasText: `Question ${question}:` }).waitFor();
    await page.locator(".point.on", { hasText: "A better" }).waitFor();
    await page.context().close();
  });

  it("opens without the server after a reload, shows what waits and what was begun, and sends it once the server is back", async () => {
    await newProject("reloaded", { count: 4 });
    const page = await enter(await server.link("reloaded"));
    const first = await pairNow(page);
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    await server.kill();
    await page.keyboard.press("1");
    await page.keyboard.press("Enter");
    await page.getByText("1 judgement waits on this device").waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "No connection to the server" }).waitFor();
    await page.getByText("reloaded: A much better").or(page.getByText("reloaded: A better")).waitFor();
    expect(await page.locator("body").innerText()).not.toContain("Question");
    await server.start();
    // It looks again by itself; what was judged is not given once more.
    await expect.poll(() => judgements("reloaded"), { timeout: 30_000 }).toBe(1);
    const second = await pairNow(page);
    expect(second.question).not.toBe(first.question);

    await page.keyboard.press("6");
    await page.locator(".point.on").waitFor();
    await server.kill();
    await page.reload();
    await page.getByRole("heading", { name: "Drafts" }).waitFor();
    await page.getByText("reloaded: B better").waitFor();
    expect(await page.getByText("Waiting to be sent").count()).toBe(0);
    await server.start();
    await page.locator(".point.on", { hasText: "B better" }).waitFor();
    await page.keyboard.press("Enter");
    await gone(page, second.question);
    expect(await judgements("reloaded")).toBe(2);
    await page.context().close();
  });

  it("keeps the page's own files of this version for that, and no token, no reply and no answer", async () => {
    await newProject("shell", { count: 2 });
    const link = await server.link("shell");
    const page = await enter(link);
    await pairNow(page);
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    await page.goto(`${server.url}join/${/token=([\w-]+)/.exec(link)![1]}`);
    await pairNow(page);
    await page.evaluate(
      "caches.open('attune-shell-of-an-older-version').then((c) => c.put('/old', new Response('old')))",
    );
    await page.evaluate(
      "caches.open('of-another-app').then((c) => c.put('/theirs', new Response('theirs')))",
    );
    const kept = (): Promise<Record<string, string[]>> =>
      page.evaluate(`(async () => {
        const found = {};
        for (const name of await caches.keys())
          found[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
        return found;
      })()`);
    const own = Object.entries(await kept()).filter(([name]) => /^attune-shell-[0-9a-f]{16}$/.test(name));
    expect(own).toHaveLength(1);
    expect(own[0]![1].map((path) => path.replace(/-[\w-]{8}\./, ".")).toSorted()).toEqual([
      "/",
      "/assets/index.css",
      "/assets/index.js",
      "/icon.svg",
    ]);
    // A worker that takes over puts other versions away.
    await page.evaluate("navigator.serviceWorker.getRegistration().then((worker) => worker.unregister())");
    await page.reload();
    await pairNow(page);
    await expect
      .poll(async () => Object.keys(await kept()).toSorted())
      .toEqual([own[0]![0], "of-another-app"]);
    const [policy, worker] = await Promise.all(
      ["", "worker.js"].map(async (path) =>
        (await fetch(server.url + path)).headers.get("content-security-policy"),
      ),
    );
    expect(policy).toContain("worker-src 'self'");
    expect(worker).toBe("default-src 'none'; connect-src 'self'; frame-ancestors 'none'");
    await page.context().close();
  });
});
