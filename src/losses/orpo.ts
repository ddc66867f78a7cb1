/**
 * Odds-ratio preference optimisation: supervised fine-tuning on the chosen completion plus a push of its odds over the
 * rejected one's. No reference model.
 *
 *   L = NLL(chosen) - beta log sigmoid(log odds(chosen) - log odds(rejected)),
 *   odds = p / (1 - p), log p = mean log-probability of a token
 *
 * Hong et al. 2024 (2403.07691), eqs. 4 and 7, lambda = beta. The NLL is one mean over the tokens of the whole batch.
 * log(1 - p) is computed so that it holds for p near 1 and near 0 (`numerics.ts`).
 *
 * Deviations: 1. the NLL covers the chosen completion, as in the paper; TRL's covers its prompt too, which
 * `chosenPromptLogps` turns on. 2. An empty completion counts as p = 1, of length 1; TRL gives NaN.
 */
import { div, logSigmoid, mul, sub, type Tensor } from "../tensor/index.js";
import { joinTokens, nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { log1mexp } from "./numerics.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairSums, type PairInputs } from "./pairs.js";
import { rowLength } from "./sums.js";

export const ORPO_OPTIONS = {
  beta: number(0.1, {
    min: 0,
    doc: "Weight of the odds-ratio term: lambda of the paper.",
    source: "TRL ORPOConfig.beta",
  }),
} as const;
export type OrpoOptions = OptionsOf<typeof ORPO_OPTIONS>;

export interface OrpoInputs extends PairInputs {
  /** The prompt's own log-probabilities and their mask [pairs, prompt tokens]; where given, the NLL covers both. */
  readonly chosenPromptLogps?: Tensor;
  readonly chosenPromptMask?: Tensor;
}

/**
 * Loss [pairs]: the odds-ratio term; the NLL is the `tokenTerm`.
 *
 * @example
 * const { loss } = orpo(pairsFrom({ chosen: [[-1, -1]], rejected: [[-2]] }), { beta: 0.1 });
 * // loss = [0.02381830264138284]
 */
export function orpo(inputs: OrpoInputs, options: Partial<OrpoOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.orpo", ORPO_OPTIONS, options);
  const sums = pairSums("losses.orpo", inputs);
  const chosen = div(sums.chosen, rowLength(inputs.chosenMask));
  const rejected = div(sums.rejected, rowLength(inputs.rejectedMask));
  const logOdds = sub(sub(chosen, rejected), sub(log1mexp(chosen), log1mexp(rejected)));
  const ratio = logSigmoid(logOdds);
  const { chosenPromptLogps: prompt, chosenPromptMask: promptMask } = inputs;
  const nll = nllTerm(
    prompt && promptMask
      ? { logps: joinTokens(prompt, inputs.chosenLogps), mask: joinTokens(promptMask, inputs.chosenMask) }
      : { logps: inputs.chosenLogps, mask: inputs.chosenMask },
    1,
  );
  return {
    ...nll,
    loss: mul(ratio, -beta),
    metrics: {
      ...pairMetrics({ chosen: mul(chosen, beta), rejected: mul(rejected, beta) }, { chosen, rejected }),
      ...nll.metrics,
      log_odds_ratio: ratio,
      log_odds_chosen: logOdds,
    },
  };
}
