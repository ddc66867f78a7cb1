import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser } from "../support/browser.js";
import { type Fake, type FakeItem, startFake } from "../support/fake-annotation-server.js";

const said = (content: string) => [{ role: "assistant", content }];
const pairs = Array.from({ length: 3 }, (_, k): FakeItem => ({
  prompt: [{ role: "user", content: `Question ${k}?` }],
  candidates: [
    { id: `x${k}`, messages: said(`The same words of ${k}, then cats`) },
    { id: `y${k}`, messages: said(`The same words of ${k}, then dogs`) },
  ],
}));

describe.skipIf(noBrowser !== undefined)("the pages around judging", () => {
  let browser: Browser;
  let fake: Fake;
  const open = async (hash: string, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> => {
    fake = await startFake({ task: "pair", items: pairs });
    const page = await (await browser.newContext(options)).newPage();
    await page.goto(`${fake.url}#token=abc`);
    await page.locator(".pane").first().waitFor();
    await page.evaluate(`location.hash = "#/${hash}"`);
    return page;
  };
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("decide disagreements by keyboard alone, each with what people said, until none is left", async () => {
    const page = await open("review");
    await page.locator(".prompt", { hasText: "Question 0?" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("Choose what is right first.").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator(".prompt", { hasText: "Question 1?" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await page.locator(".prompt", { hasText: "Question 0?" }).waitFor();
    await page.keyboard.press("c");
    await page.keyboard.type("dogs are 2 good");
    await page.keyboard.press("Tab");
    await page.keyboard.press("2");
    await page.locator(".chip.on", { hasText: "B better" }).waitFor();
    await page.getByRole("button", { name: "Decide" }).press("Enter");
    await page.locator(".prompt", { hasText: "Question 1?" }).waitFor();
    await page.keyboard.press("3");
    await page.locator(".chip.on", { hasText: "tie" }).waitFor();
    await page.locator("main").focus();
    await page.keyboard.press("Enter");
    await page.getByText("Nothing to decide here.").waitFor();
    expect(fake.adjudications).toMatchObject([
      {
        item: "item-0",
        reason: "dogs are 2 good",
        answer: { outcome: { chosen: "y0", rejected: "x0" }, strength: 2 },
      },
      { item: "item-1", reason: null, answer: { tie: "equal" } },
    ]);
    await fake.close();
  });

  it("mark the words in which two answers differ, and open the guidelines over the item", async () => {
    const page = await open("annotate");
    await page.keyboard.press("f");
    await page.locator(".compared mark").first().waitFor();
    expect(await page.locator(".compared mark").allTextContents()).toEqual(["cats", "dogs"]);
    await page.keyboard.press("i");
    await page.getByRole("dialog").getByText("Prefer what is").waitFor();
    await page.keyboard.press("1");
    expect(await page.locator(".point.on").count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.keyboard.press("ArrowLeft");
    await page.locator(".point.on", { hasText: "A slightly better" }).waitFor();
    await page.keyboard.press("]");
    expect(await page.evaluate("document.activeElement.closest('.pane').innerText")).toContain("Response A");
    await fake.close();
  });

  it("draw every interval with Observable Plot, and say each number in words", async () => {
    const page = await open("agreement", { viewport: { width: 360, height: 740 } });
    await page.locator(".drawing svg circle").first().waitFor();
    const charts = page.locator(".chart", { has: page.getByText("How far people agree") });
    expect(await charts.locator("svg circle").count()).toBe(4);
    expect(await charts.innerText()).toMatch(/Krippendorff's alpha\s+0\.56 0\.44 to 0\.68/);
    expect(await charts.innerText()).toContain("It does not say who is right");
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await page.evaluate("location.hash = '#/leaderboard'");
    await page.getByText("Expected to be preferred to large in 62% of decided pairs.").waitFor();
    await expect.poll(() => page.locator(".drawing svg circle").count()).toBe(3);
    await fake.close();
  });
});
