/** Numbers in words for reports and terminals. Knows no report. */
import type { Interval } from "../../stats/index.js";

/** 0.7412 -> "74%". */
export function percent(share: number, digits = 0): string {
  return `${(100 * share).toFixed(digits)}%`;
}

/** "74% (69-79)", or with the words around it: the 95% interval in the same unit. */
export function percentWithInterval(share: number, { low, high }: Interval, digits = 0): string {
  return `${percent(share, digits)} (${(100 * low).toFixed(digits)}–${(100 * high).toFixed(digits)})`;
}

/** "1.24 (1.10 to 1.38)": signs stay readable. */
export function numberWithInterval(value: number, { low, high }: Interval, digits = 2): string {
  return `${signed(value, digits)} (${signed(low, digits)} to ${signed(high, digits)})`;
}

/** With a real minus sign, and never "-0.00". */
export function signed(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
