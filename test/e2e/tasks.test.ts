import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser } from "../support/browser.js";
import { type Fake, type FakeItem, type FakeOptions, startFake } from "../support/fake-annotation-server.js";

const said = (content: string) => ({ role: "assistant", content });
const called = (name: string, content: string) => ({
  role: "assistant",
  content,
  tool_calls: [{ type: "function" as const, function: { name, arguments: { q: content } } }],
});
const result = (content: string) => ({ role: "tool", name: "search", content });
const question = [{ role: "user", content: "Question?" }];
const answers = (count: number): FakeItem => ({
  prompt: question,
  candidates: Array.from({ length: count }, (_, k) => ({ id: `c${k}`, messages: [said(`Answer ${k}`)] })),
});

describe.skipIf(noBrowser !== undefined)("the larger tasks by keyboard alone", () => {
  let browser: Browser;
  let fake: Fake;
  const open = async (
    options: FakeOptions,
    context: Parameters<Browser["newContext"]>[0] = {},
  ): Promise<Page> => {
    fake = await startFake(options);
    const page = await (await browser.newContext(context)).newPage();
    await page.goto(`${fake.url}#token=abc`);
    await page.locator(".pane, .trajectories, .judged-steps").first().waitFor();
    return page;
  };
  const press = async (page: Page, keys: readonly string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const given = async (page: Page): Promise<unknown> => {
    await page.getByText("All done").waitFor();
    const { answer } = fake.submissions[0]!.body;
    await fake.close();
    return answer;
  };
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("ranks five answers with a tie", async () => {
    const page = await open({ task: "rank", items: [answers(5)] });
    await press(page, ["3", "1", "5", "t", "2", "4", "Enter"]);
    expect(await given(page)).toEqual({
      outcome: { type: "rank", order: [["c2"], ["c0", "c4"], ["c1"], ["c3"]] },
    });
  });

  it("scores two attributes of two answers, goes back to one, and wants every score", async () => {
    const attributes = [{ name: "true" }, { name: "kind", max: 3 }];
    const page = await open({ task: "rate", items: [answers(2)], settings: { attributes } });
    await press(page, ["5", "4", "3", "Enter"]);
    await page.getByText("Give each a score.").first().waitFor();
    await press(page, ["2", "k", "1", "Enter"]);
    expect(await given(page)).toMatchObject({
      attributes: { true: { c0: 5, c1: 4 }, kind: { c0: 3, c1: 1 } },
    });
  });

  it("labels steps up to the first error and leaves what follows open", async () => {
    const messages = [called("search", "a"), result("none"), called("search", "b"), result("x"), said("End")];
    const page = await open({
      task: "steps",
      items: [{ prompt: question, candidates: [{ id: "run", messages }] }],
    });
    await press(page, ["g", "g", "b", "k", "k", "n", "e", "Enter"]);
    expect(await given(page)).toMatchObject({
      outcome: { type: "step", candidate: "run", labels: [0, null, -1, null, null] },
    });
  });

  it("opens two runs of 200 steps aligned where they part, at once", async () => {
    const run = (own: string) =>
      Array.from({ length: 200 }, (_, k) =>
        k % 2 === 0
          ? called("search", k < 120 ? `same ${k}` : `${own} ${k}`)
          : result(k === 151 ? "Error: no such flight" : `result ${k} `.repeat(k === 7 ? 200 : 1)),
      );
    const candidates = ["a", "b"].map((id) => ({ id, messages: run(id) }));
    fake = await startFake({ task: "trajectories", items: [{ prompt: question, candidates }] });
    const page = await browser.newPage();
    await page.goto(`${fake.url}#token=abc`);
    await page.getByText("the runs part at step 121").waitFor();
    await page.reload();
    await page.getByText("the runs part at step 121").waitFor();
    await press(page, ["1"]);
    await page.locator(".point.on").waitFor();
    const ready: number = await page.evaluate("performance.now()");
    process.stdout.write(
      `two runs of 200 steps: opened, and a key answered, after ${Math.round(ready)} ms\n`,
    );
    expect(await page.locator(".turn.error").count()).toBe(2);
    await press(page, ["d", "j", "k", "7", "Enter"]);
    expect(await given(page)).toMatchObject({ outcome: { chosen: "b" }, strength: 3 });
  });

  it.each(["rank", "rate", "thumbs", "rewrite", "steps", "trajectories"] as const)(
    "fits the task %s on a phone without sideways scrolling",
    async (task) => {
      const messages = [called("search", "x".repeat(300)), result(`{"flights":"${"y".repeat(300)}"}`)];
      const candidates = ["a", "b"].map((id) => ({ id, messages: [...messages, said(id)] }));
      const page = await open(
        { task, items: [{ prompt: question, candidates }] },
        { viewport: { width: 360, height: 740 }, hasTouch: true },
      );
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
      await fake.close();
    },
  );

  it("undoes the last answer after it was sent, and the new one replaces it", async () => {
    const page = await open({ task: "rank", items: [answers(2), answers(2)] });
    await press(page, ["1", "2", "Enter"]);
    await expect.poll(() => fake.submissions.length).toBe(1);
    await page.locator(".ranking li.muted").waitFor();
    await press(page, ["z"]);
    await page.getByText("Change your answer").waitFor();
    await press(page, ["1", "2", "2", "1", "Enter"]);
    await expect.poll(() => fake.submissions.length).toBe(2);
    expect(fake.submissions[1]).toMatchObject({
      revises: "j0",
      body: { answer: { outcome: { order: [["c1"], ["c0"]] } } },
    });
    await fake.close();
  });
});
