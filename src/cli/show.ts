/** Numbers, durations and tables for people. */

/** 12,345. */
export const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** 1,254 rows; 1 row. */
export const counted = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? "" : "s"}`;

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)}%`;

/** Four significant digits, small numbers in scientific notation. */
export function short(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const size = Math.abs(x);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? x.toExponential(2) : String(Number(x.toPrecision(4)));
}

/** 3 h 02 min, 4 min 10 s, 12 s. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return `${h} h ${String(m).padStart(2, "0")} min`;
  return m > 0 ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

export function megabytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e6).toFixed(2)} MB`;
}

/** Columns as wide as they need to be; the first is left-aligned, the others as `right` says. */
export function table(
  rows: readonly (readonly string[])[],
  { indent = 2, right = [] }: { indent?: number; right?: readonly number[] } = {},
): string {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => (row[c] ?? "").length)));
  return rows
    .map(
      (row) =>
        " ".repeat(indent) +
        row
          .map((cell, c) => (right.includes(c) ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
          .join("  ")
          .trimEnd(),
    )
    .join("\n");
}
