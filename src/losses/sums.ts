/** Masked sums, counts and means over a row's tokens. Knows nothing of pairs. */
import { div, greater, maximum, mul, sort, sum, where, type Tensor } from "../tensor/index.js";

/** x where the mask is set, else 0: junk at masked places, even NaN, does not pass. [rows, tokens] */
export const keep = (x: Tensor, mask: Tensor): Tensor => where(greater(mask, 0), x, 0);

/** Sum over a row's real tokens. [rows, tokens] -> [rows] */
export const rowSum = (x: Tensor, mask: Tensor): Tensor => sum(keep(x, mask), { axes: [1] });

/** Number of a row's real tokens. [rows, tokens] -> [rows] */
export const rowCount = (mask: Tensor): Tensor => sum(mask, { axes: [1] });

/** The same, at least 1: what lengths are divided by, so that an empty completion counts 0 and not NaN. */
export const rowLength = (mask: Tensor): Tensor => maximum(rowCount(mask), 1);

/** Mean over the rows that `rowMask` names (all when it is not given). [rows] -> [] */
export function rowMean(x: Tensor, rowMask?: Tensor): Tensor {
  const n = x.shape[0]!;
  if (rowMask === undefined) return mul(sum(x), 1 / n);
  return div(sum(where(greater(rowMask, 0), x, 0)), maximum(sum(rowMask), 1));
}

/** Larger than any log-ratio: puts rows that only fill up the batch last. */
const LAST = 1e30;

/** Sorts the real rows ascending, the others after them as 0. [rows] -> [rows] */
export const sortedRows =
  (rowMask?: Tensor) =>
  (x: Tensor): Tensor => {
    if (rowMask === undefined) return sort(x).values;
    const sorted = sort(where(greater(rowMask, 0), x, LAST)).values;
    return where(greater(rowMask, 0), sorted, 0);
  };
