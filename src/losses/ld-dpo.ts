/**
 * LD-DPO: DPO less sensitive to length. Tokens past the shorter completion's length count alpha, in policy and
 * reference.
 *
 *   log pi'(y) = sum of the first l log-probabilities + alpha * sum of the rest,  l = min(|chosen|, |rejected|)
 *
 * Liu et al. 2024, "Length Desensitization in Direct Preference Optimization" (2409.06411). `ldInputs` does the
 * same for any other loss.
 */
import { AttuneError } from "../errors.js";
import {
  cast,
  cumsum,
  less,
  minimum,
  mul,
  reshape,
  sameShape,
  showShape,
  sub,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { dpo, DPO_OPTIONS } from "./dpo.js";
import { needed } from "./needed.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { checkPairs, type ReferencedPairInputs } from "./pairs.js";
import { keep, rowCount } from "./sums.js";

export const LD_DPO_OPTIONS = {
  ...DPO_OPTIONS,
  ldAlpha: number(0.5, {
    min: 0,
    max: 1,
    doc: "Weight of tokens past the shared length; 1 is DPO.",
    source: "ours, to be tuned: half way",
  }),
} as const;
export type LdDpoOptions = OptionsOf<typeof LD_DPO_OPTIONS>;

/** The same pairs with log-probabilities past the shorter completion's length multiplied by alpha. */
export function ldInputs(
  inputs: ReferencedPairInputs,
  { ldAlpha }: { ldAlpha: number },
): ReferencedPairInputs {
  checkPairs("losses.ld_dpo", inputs);
  const shared = reshape(minimum(rowCount(inputs.chosenMask), rowCount(inputs.rejectedMask)), [-1, 1]); // [pairs, 1]
  const weigh = (name: keyof ReferencedPairInputs, mask: Tensor): Tensor => {
    const logps = needed("losses.ld_dpo", inputs, { name });
    if (!sameShape(logps.shape, mask.shape)) {
      throw new AttuneError("usage", {
        where: `losses.ld_dpo: ${name}`,
        expected: `log-probabilities per token, ${showShape(mask.shape)}`,
        got: showShape(logps.shape),
        fix: "give the reference per token, not summed",
      });
    }
    const past = cast(less(shared, cumsum(mask, 1)), "float32"); // 1 where the token's rank is beyond the shared length
    return mul(keep(logps, mask), sub(1, mul(past, 1 - ldAlpha)));
  };
  return {
    ...inputs,
    chosenLogps: weigh("chosenLogps", inputs.chosenMask),
    rejectedLogps: weigh("rejectedLogps", inputs.rejectedMask),
    refChosenLogps: weigh("refChosenLogps", inputs.chosenMask),
    refRejectedLogps: weigh("refRejectedLogps", inputs.rejectedMask),
  };
}

/**
 * Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -9]], refRejected: [[-2]] });
 * const { loss } = ldDpo(pairs, { beta: 0.5, ldAlpha: 0 });
 * // loss = [0.3132616875182228]
 */
export function ldDpo(inputs: ReferencedPairInputs, options: Partial<LdDpoOptions> = {}): LossResult {
  const { ldAlpha, ...rest } = resolveOptions("losses.ld_dpo", LD_DPO_OPTIONS, options);
  return dpo(ldInputs(inputs, { ldAlpha }), rest);
}
