/** Intervals as small SVGs: a dot, its 95% interval, and a scale. Knows numbers and names. */
export interface Dot {
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
}

/** One row a dot, on a common scale. `format` writes the numbers beside; the text carries everything that the picture does. */
export function IntervalChart({
  dots,
  from,
  to,
  mark,
  format,
  caption,
}: {
  dots: readonly Dot[];
  from: number;
  to: number;
  mark?: number;
  format: (value: number) => string;
  caption: string;
}) {
  const x = (value: number): number => 2 + (96 * (Math.min(to, Math.max(from, value)) - from)) / (to - from);
  return (
    <table class="chart">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">Name</span>
          </th>
          <th scope="col" class="number">
            Value
          </th>
          <th scope="col" class="number">
            95% interval
          </th>
          <th scope="col" class="scale-head" aria-hidden="true">
            <span>{format(from)}</span>
            <span>{format(to)}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {dots.map(({ name, value, low, high }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{value === null ? "–" : format(value)}</td>
            <td class="number">{low === null || high === null ? "" : `${format(low)} to ${format(high)}`}</td>
            <td class="plot">
              <svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
                {mark !== undefined && <line class="mark" x1={x(mark)} x2={x(mark)} y1="0" y2="12" />}
                <line class="axis" x1="2" x2="98" y1="6" y2="6" />
                {low !== null && high !== null && (
                  <line class="span" x1={x(low)} x2={Math.max(x(high), x(low) + 0.4)} y1="6" y2="6" />
                )}
                {value !== null && <line class="dot" x1={x(value)} x2={x(value)} y1="2" y2="10" />}
              </svg>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
