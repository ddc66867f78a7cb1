/** Reports: hostile text stays text, the file needs nothing else, and charts say in words what they show. */
import { createHash } from "node:crypto";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import {
  distributionChart,
  escapeHtml,
  html,
  intervalChart,
  lineChart,
  numberWithInterval,
  percentWithInterval,
  renderPage,
} from "../../../src/evaluate/index.js";

const hostile = `</td><script>alert(1)</script><img src=x onerror="alert(2)">&amp;'"`;

function page(text: string): string {
  return renderPage({
    title: text,
    headline: text,
    summary: html`<p title="${text}">${text}</p>`,
    sections: [
      { id: "one", title: text, body: html`${[text, html`<b>${text}</b>`]}` },
      {
        id: "two",
        title: "charts",
        body: html`${lineChart(
          [
            {
              name: text,
              colour: 0,
              points: [
                { x: 1, y: 1 },
                { x: 2, y: Number.NaN },
                { x: 3, y: 2 },
              ],
            },
          ],
          { title: text, yLabel: text, reference: { y: 1, name: text } },
        )}
        ${intervalChart([{ label: text, value: 0.5, low: 0.4, high: 0.6, colour: 1 }], {
          title: text,
          xLabel: text,
          reference: 0.5,
          percent: true,
        })}
        ${distributionChart([{ name: text, colour: 2, values: [1, 2, 2, 9] }], { title: text, xLabel: text })}`,
      },
    ],
    footer: html`${text}`,
  });
}

describe("a report", () => {
  it("shows hostile text as text, wherever it stands", () => {
    const { document } = parseHTML(page(hostile));
    expect(document.querySelectorAll("script, img, iframe, object, link")).toHaveLength(0);
    const handlers = [...document.querySelectorAll("*")].flatMap((element) =>
      [...element.attributes].filter(({ name }) => name.startsWith("on")),
    );
    expect(handlers).toEqual([]);
    expect(document.querySelector("h1")!.textContent).toBe(hostile);
    expect(document.querySelector("header p[title]")!.getAttribute("title")).toBe(hostile);
  });

  it("asks nothing of the network, and its policy would not allow it", () => {
    const text = page("plain");
    const addresses = [...text.matchAll(/\b(?:src|href|action|data|url)\s*[=(]\s*["']?([^"'\s>)]*)/gi)];
    expect(addresses.map(([, address]) => address).filter((address) => !address!.startsWith("#"))).toEqual(
      [],
    );
    const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(text)![1]!;
    expect(policy).toContain("default-src &#39;none&#39;");
    expect(policy).not.toContain("script");
  });

  it("allows exactly its own style sheet", () => {
    const text = page("plain");
    const sheets = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, sheet]) => sheet!);
    expect(sheets).toHaveLength(1);
    const hash = createHash("sha256").update(sheets[0]!).digest("base64");
    expect(text).toContain(`sha256-${hash}`);
  });

  it("is the same for the same content", () => {
    expect(page("again")).toBe(page("again"));
  });

  it("has a label in words on every drawing", () => {
    const { document } = parseHTML(page("speed"));
    const labels = [...document.querySelectorAll("svg")].map((svg) => svg.getAttribute("aria-label"));
    expect(labels).toEqual([
      "speed: speed from 1.00 to 2.00",
      "speed: speed 50%, interval 40% to 60%",
      "speed: speed 3.5 on average",
    ]);
  });
});

describe("escaping", () => {
  it("takes every character that means something in HTML", () => {
    expect(escapeHtml(`<a href='x' title="y">&</a>`)).toBe(
      "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;&lt;/a&gt;",
    );
  });

  it("shows what cannot be seen: controls, lone surrogates, marks that turn the writing round", () => {
    expect(escapeHtml("a\u0000b\u001b[31mc\ud800d\u202ee\u2066f")).toBe(
      "a\ufffdb\ufffd[31mc\ufffdd\ufffde\ufffdf",
    );
    expect(escapeHtml("tab\tline\nheart \u{1f496} é 漢")).toBe("tab\tline\nheart \u{1f496} é 漢");
  });

  it("leaves out nothing that is a number, and everything that is not there", () => {
    expect(html`${0}|${null}|${undefined}|${false}|${""}|${["a", ["b"]]}`.markup).toBe("0|||||ab");
  });
});

describe("numbers in words", () => {
  it("carry their interval in the same unit", () => {
    expect(percentWithInterval(0.7412, { low: 0.69, high: 0.794 })).toBe("74% (69–79)");
    expect(numberWithInterval(-1.234, { low: -2, high: 0.001 })).toBe("−1.23 (−2.00 to 0.00)");
    expect(numberWithInterval(-0.001, { low: -0.002, high: 0 })).toBe("0.00 (0.00 to 0.00)");
  });
});
