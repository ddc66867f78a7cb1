import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser } from "../support/browser.js";
import { type Fake, type FakeItem, startFake } from "../support/fake-annotation-server.js";

const said = (content: string) => [{ role: "assistant", content }];
const pair = (k: number): FakeItem => ({
  prompt: [{ role: "user", content: `Question ${k}?` }],
  candidates: [
    { id: `x${k}`, messages: said(`Answer **x** of ${k}`) },
    { id: `y${k}`, messages: said(`Answer y of ${k}`) },
  ],
});
const pairs = (count: number) => Array.from({ length: count }, (_, k) => pair(k));
const heading = (page: Page, k: number) => page.locator(".prompt", { hasText: `Question ${k}?` }).waitFor();

describe.skipIf(noBrowser !== undefined)("the page where people judge", () => {
  let browser: Browser;
  let fake: Fake;
  const open = async (options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(`${fake.url}#token=abc`);
    await page.locator(".pane, .trajectories, .judged-steps").first().waitFor();
    return page;
  };
  const start = async (options: Parameters<typeof startFake>[0]): Promise<void> => {
    fake = await startFake(options);
  };
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("takes 20 pairs by keyboard alone; sides become ids, ties and both bad are kept, undo replaces", async () => {
    await start({ task: "pair", items: pairs(20) });
    const page = await open();
    expect(page.url()).not.toContain("abc");
    for (let k = 0; k < 20; k++) {
      await heading(page, k);
      await page.keyboard.press(k === 1 ? "t" : k === 2 ? "x" : k % 2 ? "6" : "1");
      await page.keyboard.press("Enter");
    }
    await page.getByText("All done").waitFor();
    expect(fake.submissions).toHaveLength(20);
    const answers = fake.submissions.map(({ body }) => body.answer);
    expect(answers[0]).toMatchObject({ outcome: { chosen: "x0", rejected: "y0" }, strength: -3 });
    expect(answers[1]).toMatchObject({ tie: "equal" });
    expect(answers[2]).toMatchObject({ tie: "both_bad" });
    expect(answers[3]).toMatchObject({ outcome: { chosen: "y3", rejected: "x3" }, strength: 2 });
    expect(fake.submissions[0]!.body).toMatchObject({ layout: "side-by-side" });
    await page.keyboard.press("z");
    await heading(page, 19);
    await page.keyboard.press("4");
    await page.keyboard.press("Enter");
    await expect.poll(() => fake.submissions.length).toBe(21);
    expect(fake.submissions[20]).toMatchObject({ revises: "j19", body: { answer: { tie: "equal" } } });
    await fake.close();
  });

  it("is used by touch at phone width without sideways scrolling, and says that answers were stacked", async () => {
    await start({ task: "pair", items: pairs(3) });
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true });
    for (let k = 0; k < 3; k++) {
      await heading(page, k);
      await page.getByLabel(/B much better/).tap();
      await page.getByRole("button", { name: "Submit" }).tap();
    }
    await page.getByText("All done").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(fake.submissions[2]!.body).toMatchObject({ layout: "stacked", answer: { strength: 3 } });
    await fake.close();
  });

  it("does not submit without an answer, skips with a reason, and leaves keys alone while somebody types", async () => {
    await start({ task: "pair", items: pairs(3) });
    const page = await open();
    await page.keyboard.press("Enter");
    await page.getByText("Choose an answer first.").first().waitFor();
    await page.keyboard.press("c");
    await page.keyboard.type("text 123 x");
    await page.keyboard.press("Escape");
    expect(await page.locator(".point.on").count()).toBe(0);
    await page.locator("h1").focus();
    await page.keyboard.press("s");
    await page.getByText("Why skip this one?").waitFor();
    await page.keyboard.press("2");
    await heading(page, 1);
    expect(fake.submissions[0]!.body.answer).toEqual({
      skipped: { reason: "unsafe content" },
      comment: "text 123 x",
    });
    await fake.close();
  });

  it("keeps a draft over a reload, and a judgement over a lost connection, sent once when it returns", async () => {
    await start({ task: "pair", items: pairs(3) });
    const page = await open();
    await heading(page, 0);
    await page.keyboard.press("2");
    await page.reload();
    await heading(page, 0);
    await page.locator(".point.on", { hasText: "A better" }).waitFor();
    fake.offline = true;
    await page.keyboard.press("Enter");
    await page.getByText("1 judgement waits on this device").waitFor();
    expect(fake.submissions).toHaveLength(0);
    fake.offline = false;
    await page.evaluate("dispatchEvent(new Event('online'))");
    await heading(page, 1);
    expect(fake.submissions).toHaveLength(1);
    expect(await page.getByText("waits on this device").count()).toBe(0);
    await fake.close();
  });

  it("says what the server refused, keeps it, and goes on", async () => {
    await start({ task: "pair", items: pairs(2) });
    const page = await open();
    await heading(page, 0);
    fake.refuses = "The item is closed.";
    await page.keyboard.press("2");
    await page.keyboard.press("Enter");
    await page.getByText("1 judgement was not taken by the server: The item is closed.").waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as a file" }).click(),
    ]);
    expect(file.suggestedFilename()).toBe("refused-judgements.jsonl");
    fake.refuses = null;
    await page.getByRole("button", { name: "Discard" }).click();
    await page.locator(".point.on", { hasText: "A better" }).waitFor();
    await page.locator("h1").focus();
    await page.keyboard.press("Enter");
    await heading(page, 1);
    expect(fake.submissions).toHaveLength(1);
    await fake.close();
  });

  it("loses nothing where the browser's storage is full", async () => {
    await start({ task: "pair", items: pairs(2) });
    const page = await open();
    await heading(page, 0);
    await page.evaluate(
      "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }",
    );
    await page.keyboard.press("2");
    await page.keyboard.press("Enter");
    await heading(page, 1);
    expect(fake.submissions).toHaveLength(1);
    await fake.close();
  });

  it("shows long lists page by page", async () => {
    await start({ task: "pair", items: pairs(60) });
    const page = await open();
    await page.evaluate("location.hash = '#/data'");
    const rows = page.locator(".list > li");
    for (const count of [25, 50, 60]) {
      await expect.poll(() => rows.count()).toBe(count);
      if (count < 60) await page.getByRole("button", { name: "Show more" }).click();
    }
    expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
    await fake.close();
  });

  it("maps a key anew, and refuses one that is taken", async () => {
    await start({ task: "pair", items: pairs(2) });
    const page = await open();
    await page.keyboard.press("?");
    const field = page.getByLabel("Tie", { exact: true });
    await field.press("x");
    await page.getByText("X is taken: Both bad.").waitFor();
    await field.press("q");
    await page.getByRole("link", { name: "Judge" }).click();
    await heading(page, 0);
    await page.keyboard.press("q");
    await page.locator(".point.on", { hasText: "Tie" }).waitFor();
    await fake.close();
  });

  it.each([
    ["rank", ["2", "1", "Enter"], { outcome: { type: "rank", order: [["y0"], ["x0"]] } }],
    ["rate", ["4", "2", "Enter"], { attributes: { overall: { x0: 4, y0: 2 } } }],
    ["thumbs", ["g", "Enter"], { outcome: { type: "rate", candidate: "x0", score: 1 } }],
    ["steps", ["e", "Enter"], { outcome: { type: "step", candidate: "x0", labels: [-1] } }],
  ] as const)("takes the task %s by keyboard", async (task, keys, answer) => {
    await start({ task, items: pairs(1) });
    const page = await open();
    await heading(page, 0);
    for (const key of keys) await page.keyboard.press(key);
    await page.getByText("All done").waitFor();
    expect(fake.submissions[0]!.body.answer).toMatchObject(answer);
    await fake.close();
  });

  it("takes a rewrite as messages", async () => {
    await start({ task: "rewrite", items: pairs(1) });
    const page = await open();
    await page.getByLabel("Your version").fill("Better.");
    await page.keyboard.press("Control+Enter");
    await page.getByText("All done").waitFor();
    expect(fake.submissions[0]!.body.answer.outcome).toMatchObject({
      type: "rewrite",
      messages: [{ content: "Better." }],
    });
    await fake.close();
  });
});
