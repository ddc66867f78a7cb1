/** Formulas: taken out of a text before Markdown, put back as MathML. */
import DOMPurify from "dompurify";
import { largestMarkdown } from "./plain.js";

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
