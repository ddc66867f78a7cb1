import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser, violations } from "../support/browser.js";
import { type FakeItem, startFake } from "../support/fake-annotation-server.js";

const item: FakeItem = {
  prompt: [{ role: "user", content: "How do I boil an egg?" }],
  candidates: [
    {
      id: "x",
      messages: [
        { role: "assistant", content: "# In water\n\n1. Boil it for $6$ minutes\n\n```js\nboil();\n```" },
      ],
    },
    {
      id: "y",
      messages: [
        {
          role: "assistant",
          content: "| a | b |\n|---|---|\n| 1 | 2 |\n\n> Perhaps. [More](https://example.com)",
        },
      ],
    },
  ],
};
const pages = [
  "annotate",
  "history",
  "guidelines",
  "review",
  "agreement",
  "leaderboard",
  "data",
  "setup",
  "export",
  "keys",
];

describe.skipIf(noBrowser !== undefined)("axe-core finds nothing", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it.each([
    ["light", 1280],
    ["dark", 360],
  ] as const)("on any page in the %s theme, %i pixels wide", async (colorScheme, width) => {
    const fake = await startFake({
      task: "pair",
      items: Array.from({ length: 4 }, () => item),
      settings: { reasons: ["clearer"] },
    });
    const page = await (
      await browser.newContext({ colorScheme, reducedMotion: "reduce", viewport: { width, height: 800 } })
    ).newPage();
    await page.goto(`${fake.url}#token=abc`);
    await page.locator(".pane").first().waitFor();
    await page.keyboard.press("1");
    const found: string[] = [];
    for (const name of pages) {
      if (name !== "annotate") await page.evaluate(`location.hash = "#/${name}"`);
      await page.locator("main h1").waitFor();
      await expect.poll(() => page.getByText("Loading…").count()).toBe(0);
      if (name === "agreement" || name === "leaderboard") await page.locator("svg circle").first().waitFor();
      if (name === "data") await page.locator(".list [aria-expanded]").first().click();
      found.push(...(await violations(page)).map((each) => `${name}: ${each}`));
    }
    // What opens over the item, what stands in its place, and the door.
    await page.evaluate("location.hash = '#/annotate'");
    await page.locator(".pane").first().waitFor();
    for (const [key, place] of [
      ["s", "dialog"],
      ["i", "dialog"],
      ["f", ".compared"],
    ] as const) {
      await page.keyboard.press(key);
      await page.locator(place).first().waitFor();
      found.push(...(await violations(page)).map((each) => `key ${key}: ${each}`));
      await page.keyboard.press("Escape");
    }
    for (let k = 0; k < 4; k++) {
      await page.keyboard.press("1");
      await page.locator(".point.on").waitFor();
      await page.keyboard.press("Enter");
      await expect.poll(() => fake.submissions.length).toBe(k + 1);
      if (k < 3) await page.locator(".point.on").waitFor({ state: "detached" });
    }
    await page.getByText("All done").waitFor();
    found.push(...(await violations(page)).map((each) => `done: ${each}`));
    fake.offline = true;
    await page.evaluate(
      `localStorage.setItem("attune.draft.fake.item-0", JSON.stringify({ comment: "Unsure of the egg", tie: "equal" }));
       localStorage.setItem("attune.outbox", JSON.stringify([{ key: "k", project: "fake", lease: "l", revises: null,
         answer: { skipped: { reason: "unclear" } }, active_ms: 1, layout: "stacked" }]))`,
    );
    await page.reload();
    await page.getByText("Unsure of the egg").waitFor();
    found.push(...(await violations(page)).map((each) => `offline: ${each}`));
    await page.evaluate("localStorage.clear()");
    [fake.offline, fake.closed] = [false, true];
    await page.reload();
    await page.getByText("Welcome").waitFor();
    found.push(...(await violations(page)).map((each) => `door: ${each}`));
    expect(found).toEqual([]);
    await fake.close();
  });

  it.each(["rank", "rate", "thumbs", "rewrite", "steps", "trajectories"] as const)(
    "on the task %s",
    async (task) => {
      const fake = await startFake({ task, items: [item] });
      const page = await (
        await browser.newContext({ reducedMotion: "reduce", viewport: { width: 400, height: 800 } })
      ).newPage();
      await page.goto(`${fake.url}#token=abc`);
      await page.locator(".pane, .trajectories, .judged-steps").first().waitFor();
      expect(await violations(page)).toEqual([]);
      await fake.close();
    },
  );
});
