import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser, violations } from "../support/browser.js";
import { type Fake, type FakeItem, type FakeOptions, startFake } from "../support/fake-annotation-server.js";

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
  const open = async (
    hash: string,
    options: Parameters<Browser["newContext"]>[0] = {},
    more: Partial<FakeOptions> = {},
  ): Promise<Page> => {
    fake = await startFake({ task: "pair", items: pairs, ...more });
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
    await expect.poll(() => charts.locator("svg circle").count()).toBe(4);
    expect(await charts.innerText()).toMatch(/Krippendorff's alpha\s+0\.56 0\.44 to 0\.68/);
    expect(await charts.innerText()).toContain("It does not say who is right");
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await page.evaluate("location.hash = '#/leaderboard'");
    await page.getByText("Expected to be preferred to large in 62% of decided pairs.").waitFor();
    await expect.poll(() => page.locator(".drawing svg circle").count()).toBe(3);
    await fake.close();
  });

  it("say who agrees with whom, pair by pair, and one person's pairs with intervals by keyboard", async () => {
    const page = await open("agreement", { viewport: { width: 360, height: 740 } });
    const matrix = page.locator("table.matrix");
    await matrix.waitFor();
    expect(await matrix.locator("th[scope=col]").allTextContents()).toEqual(["b-22mx", "a-7f3k", "c-9qpd"]);
    const row = matrix.locator("tr", { has: page.getByRole("button", { name: "c-9qpd" }) });
    expect(await row.locator("td").allInnerTexts()).toEqual([
      expect.stringMatching(/^75%\s+47%–91%\s+9 of 12$/),
      expect.stringMatching(/^70%\s+48%–85%\s+14 of 20$/),
      "",
    ]);
    await row.getByRole("button").press("Enter");
    const chart = page.locator(".chart", { has: page.getByText("c-9qpd with each of the others") });
    await expect.poll(() => chart.locator("svg circle").count()).toBe(2);
    expect(await chart.innerText()).toContain("the same on 9 of 12 items");
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    await row.getByRole("button").press("Enter");
    await chart.waitFor({ state: "detached" });
    await fake.close();
  });

  it("keep forty people's agreement readable: names stay in sight, shares alone are shown, the odd one is framed", async () => {
    const names = Array.from({ length: 40 }, (_, k) => `a-${(k * 7919 + 46656).toString(36)}`);
    const shared = names.flatMap((one, k) =>
      names.slice(k + 1).map((other, n) => {
        const compared = 60 + ((k * n) % 40);
        const rate = k === 11 || k + 1 + n === 11 ? 0.35 : 0.72 + ((k + n) % 9) / 50;
        return { one, other, compared, agreed: Math.round(rate * compared) };
      }),
    );
    const page = await open("agreement", { viewport: { width: 1280, height: 900 } }, { shared });
    const matrix = page.locator("table.matrix");
    await matrix.waitFor();
    expect(await matrix.locator("tbody td").count()).toBe(1600);
    const last = matrix.locator("tbody tr").last();
    expect(await last.innerText()).toContain(names[11]);
    expect(await last.locator("td.unlike").count()).toBe(39);
    expect(await last.locator("td").nth(3).getAttribute("title")).toMatch(/^\d+%–\d+%, \d+ of \d+ items$/);
    const frame = page.getByRole("group", { name: "Who agrees with whom" });
    await frame.evaluate((each) => each.scrollTo({ left: each.scrollWidth, top: each.scrollHeight }));
    const box = (await frame.boundingBox())!;
    const name = (await last.getByRole("button").boundingBox())!;
    const column = (await matrix.locator("thead th").last().boundingBox())!;
    expect(Math.abs(name.x - box.x)).toBeLessThan(20);
    expect(Math.abs(column.y - box.y)).toBeLessThan(20);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(await violations(page)).toEqual([]);
    await fake.close();
  });

  it("show no table of pairs where nobody shares an item", async () => {
    const page = await open("agreement", {}, { shared: [] });
    await page.locator(".drawing svg circle").first().waitFor();
    await expect.poll(() => page.getByText("Loading…").count()).toBe(0);
    expect(await page.getByText("Who agrees with whom").count()).toBe(0);
    await fake.close();
  });

  it("give people groups of items by checkboxes, show who has which, and how far each group agrees", async () => {
    const page = await open("setup");
    const row = (name: string) => page.locator(".list li", { hasText: name });
    await row("a-7f3k").getByText("Only law").click();
    expect(await row("a-7f3k").getByRole("checkbox", { checked: true }).count()).toBe(1);
    await row("a-7f3k").getByRole("checkbox", { name: "small talk" }).check();
    await row("a-7f3k").getByText("Only law, small talk").waitFor();
    for (const name of ["law", "small talk"]) {
      await row("a-7f3k").getByRole("checkbox", { name }).uncheck();
      await row("a-7f3k").getByRole("checkbox", { name, checked: false }).waitFor();
    }
    // Nothing chosen is everything.
    await row("a-7f3k").getByText("All groups").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.evaluate("location.hash = '#/agreement'");
    const groups = page.getByRole("group", { name: "Groups of items" });
    await groups.waitFor();
    expect(await groups.locator("tbody tr").first().innerText()).toMatch(
      /law\s+10\s+20\s+1 person\s+70% 58%–82%\s+0\.40 0\.28–0\.52/,
    );
    expect(await groups.locator("tbody tr").last().innerText()).toMatch(
      /small talk\s+10\s+20\s+–\s+70% 58%–82%\s+–/,
    );
    await fake.close();
  });
});
