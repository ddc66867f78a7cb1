/** The mean of a flag over tokens, or over rows where a row has one ratio. Knows no loss. */
import { constant, div, reshape, type Tensor } from "../tensor/index.js";
import type { MetricRule } from "./contract.js";
import { rowCount, rowLength, rowSum } from "./sums.js";

/** With one ratio a row every row counts as one, an empty one too; else every real token does. */
export function rowShare(
  flag: Tensor,
  { mask, perRow }: { mask: Tensor; perRow: boolean },
): { value: Tensor; rule: MetricRule } {
  const rows = mask.shape[0]!;
  if (perRow && flag.shape[1] === 1)
    return { value: reshape(flag, [rows]), rule: { weight: constant(1, [rows]) } };
  return { value: div(rowSum(flag, mask), rowLength(mask)), rule: { weight: rowCount(mask) } };
}
