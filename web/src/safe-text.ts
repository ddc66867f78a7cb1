/**
 * Hostile text to harmless markup: Markdown, sanitised, with no image fetched and no script, style, form or frame kept; what is too
 * large or nested too deep stays plain text. Knows no screen.
 */
import DOMPurify from "dompurify";
import { Marked } from "marked";

/** Longer answers are cut until somebody asks for all. */
export const shownCharacters = 12_000;
export const shownLines = 300;
/** Above this even the whole answer is shown as plain text: Markdown of megabytes would freeze the page. */
const largestMarkdown = 100_000;

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

/** Nesting that Markdown's recursive parser would pay for dearly. */
const tooDeep = (text: string): boolean =>
  /(?:[ \t]*>){24}/.test(text) ||
  /[[(!*_~`<]{120}/.test(text) ||
  /\n {160}/.test(text) ||
  /(?:<[a-z]+[^>]*>\s*){200}/i.test(text);

/** Emphasis is matched in time that grows with the square of its marks. */
const tooStarred = (text: string): boolean =>
  text.split(/\n\s*\n/).some((part) => part.length > 2000 && part.replace(/[^*_~`[\]]/g, "").length > 1000);

const allowedTags =
  "p br hr h1 h2 h3 h4 h5 h6 strong em b i u s del ins sub sup blockquote ul ol li pre code table thead tbody tr th td a span kbd img details summary".split(
    " ",
  );

const bareTag = new RegExp(`<(?!/?(?:${allowedTags.join("|")})\\s*/?>)`, "gi");

/**
 * An answer's own HTML stays what the model wrote, readable as text, except plain tags of the list without attributes. So no attribute of
 * theirs reaches even the inert document that DOMPurify parses in, where the browser would already report its policy broken.
 */
const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: { html: ({ text }) => text.replace(bareTag, "&lt;") },
});

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    const href = node.getAttribute("href") ?? "";
    if (/^(https?:|mailto:)/i.test(href)) {
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer nofollow");
      node.setAttribute("title", href);
    } else node.removeAttribute("href");
  }
  // A table or code block wider than the pane scrolls; the keyboard must reach it.
  if (node.tagName === "PRE") node.setAttribute("tabindex", "0");
});

/** Sanitised markup, or null where the text must stay plain. `images`: whether remote images may be fetched. */
export function renderMarkdown(
  text: string,
  { images = false }: { images?: boolean } = {},
): DocumentFragment | null {
  if (text.length > largestMarkdown || tooDeep(text) || tooStarred(text)) return null;
  try {
    const html = marked.parse(showOverrides(text)) as string;
    const fragment = DOMPurify.sanitize(html, {
      ALLOWED_TAGS: allowedTags,
      ALLOWED_ATTR: ["href", "title", "alt", "src", "start", "align", "colspan", "rowspan", "class", "open"],
      ALLOW_DATA_ATTR: false,
      RETURN_DOM_FRAGMENT: true,
    });
    for (const image of fragment.querySelectorAll("img")) {
      if (images && /^https:/i.test(image.getAttribute("src") ?? "")) {
        image.setAttribute("loading", "lazy");
        image.setAttribute("referrerpolicy", "no-referrer");
        continue;
      }
      const note = document.createElement("span");
      note.className = "image-note";
      note.textContent = `image not loaded: ${image.getAttribute("alt") || "no description"}`;
      image.replaceWith(note);
    }
    for (const each of fragment.querySelectorAll("[class]")) {
      if (!/^(language-[\w-]+|image-note)$/.test(each.className)) each.removeAttribute("class");
    }
    // An answer's own headings must not break the page's outline.
    for (const heading of fragment.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
      const plain = document.createElement("p");
      plain.className = `heading level-${heading.tagName.slice(1)}`;
      plain.append(...heading.childNodes);
      heading.replaceWith(plain);
    }
    for (const table of fragment.querySelectorAll("table")) {
      const frame = document.createElement("div");
      frame.className = "table-frame";
      frame.tabIndex = 0;
      table.replaceWith(frame);
      frame.append(table);
    }
    return fragment;
  } catch {
    return null;
  }
}

const mathPattern =
  /\$\$([^$]{1,2000}?)\$\$|\\\[([\s\S]{1,2000}?)\\\]|\\\(([^\n]{1,500}?)\\\)|\$(?!\s)([^$\n]{1,300}?)(?<!\s)\$(?!\d)/g;

/** Takes formulas out before Markdown sees them, so that it does not eat their underscores. */
export function takeMath(text: string): { text: string; formulas: { tex: string; block: boolean }[] } {
  const formulas: { tex: string; block: boolean }[] = [];
  if (!/[$\\]/.test(text) || text.length > largestMarkdown) return { text, formulas };
  // Code keeps its dollars.
  const parts = text.split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/);
  const replaced = parts.map((part, place) =>
    place % 2 === 1
      ? part
      : part.replace(mathPattern, (whole, ...groups) => {
          if (formulas.length >= 500) return whole;
          const [a, b, c, d] = groups as (string | undefined)[];
          const tex = a ?? b ?? c ?? d;
          if (tex === undefined) return whole;
          formulas.push({ tex, block: a !== undefined || b !== undefined });
          return `\uE000${formulas.length - 1}\uE001`;
        }),
  );
  return { text: replaced.join(""), formulas };
}

/** Puts formulas back as MathML, which needs no style and no font of ours. */
export async function putMath(
  root: HTMLElement,
  formulas: readonly { tex: string; block: boolean }[],
): Promise<void> {
  const { default: katex } = await import("katex");
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode())
    if (/\uE000\d+\uE001/.test(walker.currentNode.nodeValue ?? "")) texts.push(walker.currentNode as Text);
  for (const node of texts) {
    const pieces = (node.nodeValue ?? "").split(/\uE000(\d+)\uE001/);
    const out: Node[] = pieces.map((piece, place) => {
      const formula = place % 2 === 1 ? formulas[Number(piece)] : undefined;
      if (formula === undefined) return document.createTextNode(piece);
      const span = document.createElement("span");
      span.className = formula.block ? "math block" : "math";
      try {
        const markup = katex.renderToString(formula.tex, {
          output: "mathml",
          displayMode: formula.block,
          throwOnError: true,
          trust: false,
          maxExpand: 200,
          maxSize: 20,
        });
        span.append(
          DOMPurify.sanitize(markup, {
            USE_PROFILES: { mathMl: true },
            FORBID_ATTR: ["style", "href"],
            ADD_TAGS: ["semantics", "annotation"],
            RETURN_DOM_FRAGMENT: true,
          }),
        );
      } catch {
        span.textContent = formula.block ? `$$${formula.tex}$$` : `$${formula.tex}$`;
      }
      return span;
    });
    node.replaceWith(...out);
  }
}
