/** Text as it is: direction marks shown or removed, long text cut. Knows no markup. */

/** Longer answers are cut until somebody asks for all. */
export const shownCharacters = 12_000;
export const shownLines = 300;
/** Above this even the whole answer is shown as plain text: Markdown of megabytes would freeze the page. */
export const largestMarkdown = 100_000;

const bidi = /[\u202A-\u202E\u2066-\u2069\u200E\u200F\u061C]/g;
const bidiOverride = /[\u202A-\u202E\u2066-\u2069]/g;

/** Direction overrides become visible: they can make an answer read as what it is not. */
export const showOverrides = (text: string): string =>
  text.replace(bidiOverride, (mark) => `⟨U+${mark.codePointAt(0)!.toString(16).toUpperCase()}⟩`);

export const plainText = (text: string): string => showOverrides(text).replace(bidi, "");

/** The first part of a long text, at a line's end, and how much is left. */
export function cut(text: string): { text: string; characters: number; lines: number } | null {
  let end = Math.min(text.length, shownCharacters);
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) {
    lines += 1;
    if (lines === shownLines) end = at;
  }
  if (end >= text.length) return null;
  let total = 1;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) total += 1;
  return { text: text.slice(0, end), characters: text.length, lines: total };
}
