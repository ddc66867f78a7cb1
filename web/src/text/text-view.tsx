/** One text of a candidate on the screen: rendered or raw, cut where it is long. Knows nothing of tasks. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { putMath, takeMath } from "./math.js";
import { cut, plainText } from "./plain.js";
import { renderMarkdown } from "./sanitise.js";

export function TextView({
  text,
  raw = false,
  images = false,
  label,
}: {
  text: string;
  raw?: boolean;
  images?: boolean;
  label: string;
}) {
  const [all, setAll] = useState(false);
  const part = useMemo(() => cut(text), [text]);
  const shown = all || part === null ? text : part.text;
  return (
    <div class="text" dir="auto">
      <Rendered text={shown} raw={raw} images={images} />
      {part !== null && (
        <button type="button" class="quiet show-all" onClick={() => setAll(!all)}>
          {all
            ? "Show less"
            : `Show all of ${label}: ${part.lines.toLocaleString("en")} lines, ${size(part.characters)}`}
        </button>
      )}
    </div>
  );
}

const size = (characters: number): string =>
  characters > 1e6
    ? `${(characters / 1e6).toFixed(1)} million characters`
    : `${characters.toLocaleString("en")} characters`;

function Rendered({ text, raw, images }: { text: string; raw: boolean; images: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  const { fragment, formulas } = useMemo(() => {
    if (raw) return { fragment: null, formulas: [] };
    const taken = takeMath(text);
    return { fragment: renderMarkdown(taken.text, { images }), formulas: taken.formulas };
  }, [text, raw, images]);
  // Before the paint: an answer is never seen empty.
  useLayoutEffect(() => {
    const root = place.current;
    if (root === null || fragment === null) return;
    root.replaceChildren(fragment.cloneNode(true));
    if (formulas.length > 0) void putMath(root, formulas);
  }, [fragment, formulas]);
  if (fragment === null) return <Plain text={text} />;
  return <div class="markdown" ref={place} />;
}

const block = 20_000;

/** Blocks that the browser lays out only when they come into view. */
function Plain({ text }: { text: string }) {
  const blocks = useMemo(() => {
    const clean = plainText(text);
    return Array.from({ length: Math.ceil(clean.length / block) }, (_, k) =>
      clean.slice(k * block, (k + 1) * block),
    );
  }, [text]);
  return (
    <div class="plain">
      {blocks.map((each, k) => (
        <span key={k} class="plain-block">
          {each}
        </span>
      ))}
    </div>
  );
}
