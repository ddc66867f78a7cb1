/**
 * Hostile text to harmless markup: Markdown, sanitised, with no image fetched and no script, style, form or frame kept; what is too
 * large or nested too deep stays plain text. Knows no screen.
 */
import DOMPurify from "dompurify";
import { Marked } from "marked";
import { largestMarkdown, showOverrides } from "./plain.js";

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
