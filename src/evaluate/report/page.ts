/**
 * The frame of a report: one file that needs nothing else. No script, no request, a policy that forbids both; light and dark.
 * Knows no content.
 */
import { createHash } from "node:crypto";
import { html, trusted, type Html } from "./html.js";
import { styleSheet } from "./style-sheet.js";

export interface ReportSection {
  /** Anchor. */
  id: string;
  title: string;
  body: Html;
}

export interface ReportPage {
  title: string;
  /** The result in one sentence. */
  headline: string;
  /** What the reader should know before anything else. */
  summary: Html;
  sections: readonly ReportSection[];
  /** Small print at the end. */
  footer: Html;
}

/** The whole file as text. */
export function renderPage({ title, headline, summary, sections, footer }: ReportPage): string {
  const hash = createHash("sha256").update(styleSheet).digest("base64");
  // Attributes may style (Plot sets some), elements only this one sheet; everything else is forbidden.
  const policy = [
    "default-src 'none'",
    `style-src-elem 'sha256-${hash}'`,
    "style-src-attr 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${trusted(`<style>${styleSheet}</style>`)}
      </head>
      <body>
        <header>
          <p class="kicker">${title}</p>
          <h1>${unbroken(headline)}</h1>
          ${summary}
          <nav>${sections.map((section) => html`<a href="#${section.id}">${section.title}</a>`)}</nav>
        </header>
        <main>
          ${sections.map(
            (section) =>
              html`<section id="${section.id}">
                <h2>${section.title}</h2>
                ${section.body}
              </section> `,
          )}
        </main>
        <footer>${footer}</footer>
      </body>
    </html> `;
  return page.markup;
}

/** Keeps the two ends of an interval on one line. */
const unbroken = (text: string): string => text.replace(/(?<=\d)–(?=\d)/g, "\u2060–\u2060");
