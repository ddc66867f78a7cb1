/** Values with their 95% intervals: the picture, and in words what each means and what it does not. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Frame, Interval } from "./draw-intervals.js";

export interface Reading extends Interval {
  /** Why there is no value, or what to know about it. */
  note?: string | null;
  means?: string;
  /** What it does not say. */
  not?: string;
}

/** `bare`: the picture alone, where a table beside it has the numbers. */
export function IntervalChart({
  title,
  rows,
  bare = false,
  ...frame
}: { title: string; rows: readonly Reading[]; bare?: boolean } & Omit<Frame, "width">) {
  return (
    <section class="card chart" aria-label={title}>
      <h2>{title}</h2>
      <Drawing intervals={rows} label={`${title}; the numbers are in the text`} {...frame} />
      {!bare && <Readings rows={rows} format={frame.format} />}
    </section>
  );
}

const Readings = ({ rows, format }: { rows: readonly Reading[]; format: Frame["format"] }) => (
  <dl class="readings">
    {rows.map(({ name, value, low, high, note, means, not }) => (
      <div key={name}>
        <dt>
          {name}
          <span class="number">
            <b>{value === null ? "–" : format(value)}</b>
            {low !== null && high !== null && (
              <span class="muted">
                {" "}
                {format(low)} to {format(high)}
              </span>
            )}
          </span>
        </dt>
        {(means ?? not ?? note) != null && (
          <dd>
            {means} {not && <span class="muted">{not}</span>} {note && <em>{note}</em>}
          </dd>
        )}
      </div>
    ))}
  </dl>
);

function Drawing({
  intervals,
  label,
  ...frame
}: { intervals: readonly Interval[]; label: string } & Omit<Frame, "width">) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)));
    watch.observe(place.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (width === 0) return;
    void import("./draw-intervals.js").then(({ drawIntervals }) =>
      place.current?.replaceChildren(drawIntervals(intervals, { ...frame, width })),
    );
  }, [intervals, width]);
  // As high as the drawing will be, so that nothing below it moves.
  return (
    <div
      ref={place}
      class="drawing"
      role="img"
      aria-label={label}
      style={{ minHeight: `${34 * intervals.length + 34}px` }}
    />
  );
}
