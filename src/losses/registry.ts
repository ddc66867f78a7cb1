/**
 * The table of pairwise losses: one line a loss, from which trainers learn what to prepare and the command line its
 * flags. Knows no formula.
 */
import { alphapo, ALPHAPO_OPTIONS } from "./alphapo.js";
import { aot, AOT_OPTIONS } from "./aot.js";
import { AOT_UNPAIRED_OPTIONS, aotUnpaired } from "./aot-unpaired.js";
import { APO_DOWN_OPTIONS, apoDown } from "./apo-down.js";
import { APO_ZERO_OPTIONS, apoZero } from "./apo-zero.js";
import { BCO_PAIR_OPTIONS, bcoPair } from "./bco-pair.js";
import { BETA_DPO_OPTIONS, betaDpo } from "./beta-dpo.js";
import { CAL_DPO_OPTIONS, calDpo } from "./cal-dpo.js";
import { CHOSEN_SFT_OPTIONS, chosenSft } from "./chosen-sft.js";
import { cpo, CPO_OPTIONS } from "./cpo.js";
import { CPO_SIMPO_OPTIONS, cpoSimpo } from "./cpo-simpo.js";
import { discopop, DISCOPOP_OPTIONS } from "./discopop.js";
import { dpo, DPO_OPTIONS } from "./dpo.js";
import { dpop, DPOP_OPTIONS } from "./dpop.js";
import { EXO_PAIR_OPTIONS, exoPair } from "./exo-pair.js";
import { hinge, HINGE_OPTIONS } from "./hinge.js";
import { ipo, IPO_OPTIONS } from "./ipo.js";
import { IPO_SUM_OPTIONS, ipoSum } from "./ipo-sum.js";
import { LD_DPO_OPTIONS, ldDpo } from "./ld-dpo.js";
import { NCA_PAIR_OPTIONS, ncaPair } from "./nca-pair.js";
import { orpo, ORPO_OPTIONS } from "./orpo.js";
import { R_DPO_OPTIONS, rDpo } from "./r-dpo.js";
import { robust, ROBUST_OPTIONS } from "./robust.js";
import { rpo, RPO_OPTIONS } from "./rpo.js";
import { rpoSequence } from "./rpo-sequence.js";
import { SIGMOID_NORM_OPTIONS, sigmoidNorm } from "./sigmoid-norm.js";
import { simpo, SIMPO_OPTIONS } from "./simpo.js";
import { SPPO_HARD_OPTIONS, sppoHard } from "./sppo-hard.js";
import { tdpo1, TDPO1_OPTIONS, tdpo2, TDPO2_OPTIONS } from "./tdpo.js";
import { tpo, TPO_OPTIONS } from "./tpo.js";
import { wpo } from "./wpo.js";
import { pairLoss, type PairLossEntry } from "./pair-loss.js";

export const PAIR_LOSSES = {
  sigmoid: pairLoss({ summary: "DPO: the default", paper: "2305.18290", options: DPO_OPTIONS, loss: dpo }),
  hinge: pairLoss({
    summary: "SLiC hinge on DPO rewards",
    paper: "2305.10425",
    options: HINGE_OPTIONS,
    loss: hinge,
  }),
  ipo: pairLoss({ summary: "IPO per token (TRL's)", paper: "2310.12036", options: IPO_OPTIONS, loss: ipo }),
  ipo_sum: pairLoss({
    summary: "IPO on sums (the paper's)",
    paper: "2310.12036",
    options: IPO_SUM_OPTIONS,
    loss: ipoSum,
  }),
  exo_pair: pairLoss({
    summary: "reverse KL to smoothed labels",
    paper: "2402.00856",
    options: EXO_PAIR_OPTIONS,
    loss: exoPair,
  }),
  nca_pair: pairLoss({
    summary: "absolute rewards, contrasted with noise",
    paper: "2402.05369",
    options: NCA_PAIR_OPTIONS,
    loss: ncaPair,
  }),
  robust: pairLoss({
    summary: "unbiased under flipped labels",
    paper: "2403.00409",
    options: ROBUST_OPTIONS,
    loss: robust,
  }),
  bco_pair: pairLoss({
    summary: "each answer classified on its own",
    paper: "2404.04656",
    options: BCO_PAIR_OPTIONS,
    loss: bcoPair,
  }),
  sppo_hard: pairLoss({
    summary: "self-play with fixed targets",
    paper: "2405.00675",
    options: SPPO_HARD_OPTIONS,
    loss: sppoHard,
  }),
  aot: pairLoss({
    summary: "optimal transport of margins",
    paper: "2406.05882",
    options: AOT_OPTIONS,
    loss: aot,
    wholeBatch: true,
  }),
  aot_unpaired: pairLoss({
    summary: "optimal transport of rewards",
    paper: "2406.05882",
    options: AOT_UNPAIRED_OPTIONS,
    loss: aotUnpaired,
    wholeBatch: true,
  }),
  apo_zero: pairLoss({
    summary: "anchored: data better than the model",
    paper: "2408.06266",
    options: APO_ZERO_OPTIONS,
    loss: apoZero,
  }),
  apo_down: pairLoss({
    summary: "anchored: data worse than the model",
    paper: "2408.06266",
    options: APO_DOWN_OPTIONS,
    loss: apoDown,
  }),
  discopop: pairLoss({
    summary: "blend found by a language model",
    paper: "2406.08414",
    options: DISCOPOP_OPTIONS,
    loss: discopop,
  }),
  sft: pairLoss({
    summary: "NLL of the chosen answer",
    paper: "2203.02155",
    options: CHOSEN_SFT_OPTIONS,
    loss: chosenSft,
    averagesTokens: "chosen",
  }),
  sigmoid_norm: pairLoss({
    summary: "DPO per token",
    paper: "2411.15124",
    options: SIGMOID_NORM_OPTIONS,
    loss: sigmoidNorm,
  }),
  rpo: pairLoss({
    summary: "DPO plus NLL over the batch",
    paper: "2404.19733",
    options: RPO_OPTIONS,
    loss: rpo,
    averagesTokens: "chosen",
  }),
  rpo_sequence: pairLoss({
    summary: "DPO plus NLL of each answer",
    paper: "2404.19733",
    options: RPO_OPTIONS,
    loss: rpoSequence,
  }),
  dpop: pairLoss({
    summary: "DPO that keeps the chosen answer likely",
    paper: "2402.13228",
    options: DPOP_OPTIONS,
    loss: dpop,
  }),
  cal_dpo: pairLoss({
    summary: "DPO with calibrated rewards",
    paper: "2412.14516",
    options: CAL_DPO_OPTIONS,
    loss: calDpo,
  }),
  r_dpo: pairLoss({
    summary: "DPO regularised against length",
    paper: "2403.19159",
    options: R_DPO_OPTIONS,
    loss: rDpo,
  }),
  ld_dpo: pairLoss({
    summary: "DPO less sensitive to length",
    paper: "2409.06411",
    options: LD_DPO_OPTIONS,
    loss: ldDpo,
    reads: "tokens",
  }),
  beta_dpo: pairLoss({
    summary: "DPO whose beta follows the batch",
    paper: "2407.08639",
    options: BETA_DPO_OPTIONS,
    loss: betaDpo,
    wholeBatch: true,
    state: { gapMean: 0 },
  }),
  tdpo1: pairLoss({
    summary: "DPO with token-level KL",
    paper: "2404.11999",
    options: TDPO1_OPTIONS,
    loss: tdpo1,
    extraInputs: ["chosenKl", "rejectedKl"],
  }),
  tdpo2: pairLoss({
    summary: "the same, KL weighted",
    paper: "2404.11999",
    options: TDPO2_OPTIONS,
    loss: tdpo2,
    extraInputs: ["chosenKl", "rejectedKl"],
  }),
  wpo: pairLoss({
    summary: "DPO weighted by the policy",
    paper: "2406.11827",
    options: DPO_OPTIONS,
    loss: wpo,
    extraInputs: ["chosenLogSumSquares", "rejectedLogSumSquares"],
  }),
  orpo: pairLoss({
    summary: "SFT and odds ratio in one",
    paper: "2403.07691",
    options: ORPO_OPTIONS,
    loss: orpo,
    needsReference: false,
    averagesTokens: "chosen",
  }),
  simpo: pairLoss({
    summary: "mean log-probability with a margin",
    paper: "2405.14734",
    options: SIMPO_OPTIONS,
    loss: simpo,
    needsReference: false,
  }),
  cpo: pairLoss({
    summary: "contrast plus NLL",
    paper: "2401.08417",
    options: CPO_OPTIONS,
    loss: cpo,
    needsReference: false,
    averagesTokens: "chosen",
  }),
  cpo_simpo: pairLoss({
    summary: "SimPO plus NLL",
    paper: "2401.08417",
    options: CPO_SIMPO_OPTIONS,
    loss: cpoSimpo,
    needsReference: false,
    averagesTokens: "chosen",
  }),
  alphapo: pairLoss({
    summary: "SimPO with a shaped reward",
    paper: "2501.03884",
    options: ALPHAPO_OPTIONS,
    loss: alphapo,
    needsReference: false,
  }),
  tpo: pairLoss({
    summary: "contrast plus NLL of a gold answer",
    paper: "2405.16681",
    options: TPO_OPTIONS,
    loss: tpo,
    needsReference: false,
    averagesTokens: "gold",
    extraInputs: ["goldLogps", "goldMask"],
  }),
} as const satisfies Readonly<Record<string, PairLossEntry>>;

export type PairLossName = keyof typeof PAIR_LOSSES;
