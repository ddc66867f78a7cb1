/**
 * HTML as a value that cannot be confused with text: whatever is put into the template is escaped unless it was made by it.
 * Model output is hostile input; nothing here parses it. Knows no page.
 */

/** Markup that is safe to put into a page. Only `html` and `trusted` make it. */
export interface Html {
  readonly markup: string;
  readonly [made]: true;
}

const made = Symbol("html");

export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

// Controls but for tab and newline, lone surrogates, and marks that turn the writing direction round, which could make an
// answer look like something else.
const unprintable = /(?![\t\n])[\p{Cc}\p{Cs}]|[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** Text for element content and quoted attributes; characters that cannot be seen become the replacement character. */
export function escapeHtml(text: string): string {
  return text.replace(unprintable, "\ufffd").replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Template tag: html`<p>${text}</p>`. Lists are joined; null, undefined and false are left out. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const parts = strings.flatMap((literal, i) => (i < values.length ? [literal, show(values[i])] : [literal]));
  return trusted(parts.join(""));
}

/** Markup made by code, such as a drawing. Never for text that came from a model or a person. */
export function trusted(markup: string): Html {
  return { markup, [made]: true };
}

function show(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "string") return escapeHtml(value);
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return value.map(show).join("");
  return (value as Html).markup;
}
