/**
 * `{% generation %}` tags as marks in the rendered text. The Jinja engine drops the tags; here they print a
 * character on either side, which is taken out again. Knows neither messages nor tokens.
 */
const OPEN = "\ufdd1";
const CLOSE = "\ufdd2";

export interface MarkedText {
  text: string;
  /** Start and end of every span inside `{% generation %}`, UTF-16 units, in order. */
  spans: [number, number][];
}

/** The template with each tag replaced by an expression; `trim_blocks` and `lstrip_blocks` done as for a tag. */
export function markGeneration(source: string): string {
  return source.replace(
    /(^[ \t]*)?\{%(-?)\s*(end)?generation\s*(-?)%\}\n?/gm,
    (_, _indent, left: string, end: string | undefined, right: string) =>
      `{{${left} "${end === undefined ? OPEN : CLOSE}" ${right}}}`,
  );
}

/** Takes the marks out of the rendered text and returns where they were. */
export function generationMarks(rendered: string): MarkedText {
  const spans: [number, number][] = [];
  let text = "";
  let open: number | undefined;
  for (const piece of rendered.split(new RegExp(`([${OPEN}${CLOSE}])`))) {
    if (piece === OPEN) open = text.length;
    else if (piece === CLOSE) {
      if (open !== undefined) spans.push([open, text.length]);
      open = undefined;
    } else text += piece;
  }
  return { text, spans };
}
