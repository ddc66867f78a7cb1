/**
 * Scores of log-ratios under other divergences than the reverse KL: f'(t) at t = exp(log-ratio), the implicit reward
 * of f-DPO up to beta and a constant. Knows nothing of pairs.
 *
 * Wang et al. 2023, "Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence
 * Constraints" (2309.16240).
 * - reverse_kl: log t
 * - forward_kl: 1 - 1/t
 * - js_divergence: log(2t / (1 + t)) = log 2 + log sigmoid(log t)
 * - alpha_divergence: (t^(a-1) - 1) / (a - 1), TRL's form, its exponent capped at 80 as in TRL for float32;
 *   a = 1 is reverse_kl.
 */
import { add, exp, logSigmoid, minimum, mul, neg, sub, type Tensor } from "../tensor/index.js";
import { choice, number, type OptionsOf } from "./options.js";

export const F_DIVERGENCE_OPTIONS = {
  fDivergenceType: choice("reverse_kl", {
    choices: ["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"],
    doc: "Divergence between policy and reference that the implicit reward comes from.",
    source: "DPO (2305.18290): reverse KL",
  }),
  fAlphaDivergenceCoef: number(0.5, {
    doc: "alpha of alpha_divergence; 1 is reverse_kl.",
    source: "TRL DPOConfig.f_alpha_divergence_coef",
  }),
} as const;

const EXPONENT_CAP = 80;

/** Score of each log-ratio, same shape. */
export function divergenceScore(
  ratio: Tensor,
  { fDivergenceType, fAlphaDivergenceCoef }: OptionsOf<typeof F_DIVERGENCE_OPTIONS>,
): Tensor {
  switch (fDivergenceType) {
    case "reverse_kl":
      return ratio;
    case "forward_kl":
      return sub(1, exp(neg(ratio)));
    case "js_divergence":
      return add(logSigmoid(ratio), Math.LN2);
    case "alpha_divergence": {
      const power = fAlphaDivergenceCoef - 1;
      if (Math.abs(power) < 1e-6) return ratio;
      return mul(sub(exp(minimum(mul(ratio, power), EXPONENT_CAP)), 1), 1 / power);
    }
  }
}
