/** Methods in which the policy's answers meet those of an opponent: XPO (the reference), Nash-MD (its mixture with the policy). */
import { nashMd, type OptionValue, xpo } from "../../losses/index.js";
import type { Tensor } from "../../tensor/index.js";
import {
  batchInputs,
  completionLogps,
  completionOf,
  feedsOf,
  hiddenOf,
  shapeOf,
} from "../methods/batch-graph.js";
import type { Feeds, Trainer } from "../trainer.js";
import { endedShare, mean, paid, usable } from "./answer-use.js";
import type { OnlineBatch, OnlineItem } from "./item.js";
import type { OpponentAnswers, Recipe } from "./recipe.js";
import { klOfRow, samplerGap, total } from "./rollout.js";
import type { OnlineSettings } from "./settings.js";
import { tokenFeeds, tokenInputs } from "./token-inputs.js";

/** Sums over whole answers, so the tolerance is that of many roundings. */
const policyIsReference = {
  name: "policy equals reference",
  expected: 0,
  tolerance: 1e-2,
  fix: "the reference is not the model that training starts from",
} as const;

type Given = Readonly<Record<string, OptionValue>>;

/** An opponent's rewards, less the penalty where an answer did not end, as the policy's own are. */
const opponentScores = ({ scores, ended }: OpponentAnswers, s: OnlineSettings): number[] =>
  scores.map((score, r) => paid({ score, ended: ended[r]! }, s));

/** The policy's answer against the reference's, with optimism. */
export function xpoRecipe(s: OnlineSettings): Recipe {
  return {
    make: async (rows, { fromReference, score }) => {
      const other = await fromReference();
      const theirScores = opponentScores(other, s);
      const able = rows.flatMap((row, r) =>
        usable(row, s) && other.tokens[r]!.length > 0 && !Number.isNaN(row.score - theirScores[r]!)
          ? [r]
          : [],
      );
      const theirs = await score(
        able.map((r) => ({
          id: rows[r]!.id,
          prompt: rows[r]!.prompt.tokens,
          completions: [other.tokens[r]!],
        })),
      );
      const items = able.map((r, i): OnlineItem => {
        const row = rows[r]!;
        return {
          id: row.id,
          prompt: row.prompt.tokens,
          completions: [row.tokens, other.tokens[r]!],
          values: { policy_chosen: paid(row, s) >= theirScores[r]! ? 1 : 0 },
          perToken: { refLogps: [row.refLogps, theirs[i]!.refLogps] },
        };
      });
      return {
        items,
        metrics: {
          "objective/model_scores": mean(able.map((r) => paid(rows[r]!, s))),
          "objective/ref_scores": mean(able.map((r) => theirScores[r]!)),
          "objective/scores_margin": mean(able.map((r) => paid(rows[r]!, s) - theirScores[r]!)),
          "val/model_contain_eos_token": endedShare(rows),
          "val/ref_contain_eos_token": mean(other.ended.map(Number)),
          ...samplerGap(rows),
          alpha: s.alpha,
          beta: s.beta,
        },
      };
    },
    trainer: ({ policy, train, companion }) => xpoTrainer(s, { policy, train, companion }),
  };
}

/** The policy's answer against that of its mixture with the reference; a reward's difference is a log-odds (Bradley-Terry). */
export function nashMdRecipe(s: OnlineSettings): Recipe {
  return {
    make: async (rows, { fromMixture }) => {
      const other = await fromMixture();
      const theirScores = opponentScores(other, s);
      const margin = (r: number): number => paid(rows[r]!, s) - theirScores[r]!;
      const able = rows.flatMap((row, r) => (usable(row, s) && !Number.isNaN(margin(r)) ? [r] : []));
      const items = able.map((r): OnlineItem => {
        const { id, prompt, tokens, refLogps } = rows[r]!;
        return {
          id,
          prompt: prompt.tokens,
          completions: [tokens],
          values: { probability: 1 / (1 + Math.exp(-margin(r))) },
          perToken: { refLogps: [refLogps] },
        };
      });
      const klOf = (r: number): number => klOfRow(rows[r]!);
      return {
        items,
        metrics: {
          "objective/scores_margin": mean(able.map(margin)),
          // TRL's: scores of the two players, log-probabilities of the policy's answers under policy and reference.
          "rewards/chosen": mean(able.map((r) => paid(rows[r]!, s))),
          "rewards/rejected": mean(able.map((r) => theirScores[r]!)),
          "logps/chosen": mean(able.map((r) => total(rows[r]!.logps))),
          "logps/rejected": mean(able.map((r) => total(rows[r]!.refLogps))),
          "rewards/margins": mean(able.map(klOf)),
          "rewards/accuracies": mean(able.map((r) => Number(klOf(r) > 0))),
          "val/model_contain_eos_token": endedShare(rows),
          "val/ref_contain_eos_token": mean(other.ended.map(Number)),
          ...samplerGap(rows),
          mixture_coef: s.mixture_coef,
          beta: s.beta,
        },
      };
    },
    trainer: (o) => nashMdTrainer(s, o),
  };
}

function nashMdTrainer(
  s: OnlineSettings,
  { policy, train, companion }: Pick<Trainer<OnlineBatch>, "policy" | "train" | "companion">,
): Trainer<OnlineBatch> {
  return {
    policy,
    train,
    ...(companion && { companion }),
    name: "nash-md",
    invariants: [{ ...policyIsReference, metric: "loss/kl" }],
    shape: shapeOf,
    feeds: refFeeds,
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy: bound, recompute }) {
      const b = batchInputs(batch);
      const { given, inputs } = tokenInputs(batch);
      const logps = completionLogps(bound, b, {
        hidden: hiddenOf(bound, b, recompute),
        temperature: s.temperature,
      });
      const probability = b.values["probability"]!;
      const result = nashMd(
        { logps, refLogps: given["refLogps"]!, probability, mask: b.gridMask },
        {
          beta: s.beta,
          ...(s.loss_options as Given),
        },
      );
      return { result, inputs: { ...b.inputs, ...inputs }, rowMask: b.groupMask };
    },
  };
}

const refFeeds = (batch: OnlineBatch): Feeds => ({ ...feedsOf(batch), ...tokenFeeds(batch) });

function xpoTrainer(
  s: OnlineSettings,
  o: Pick<Trainer<OnlineBatch>, "policy" | "train" | "companion">,
): Trainer<OnlineBatch> {
  const sides = (x: Tensor): [Tensor, Tensor] => [completionOf(x, 0, 2), completionOf(x, 1, 2)];
  return {
    ...o,
    name: "xpo",
    invariants: [{ ...policyIsReference, metric: "rewards/margins" }],
    shape: shapeOf,
    feeds: refFeeds,
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy, recompute }) {
      const b = batchInputs(batch);
      const { given, inputs } = tokenInputs(batch);
      const [own, other] = sides(
        completionLogps(policy, b, { hidden: hiddenOf(policy, b, recompute), temperature: s.temperature }),
      );
      const [refOfPolicyLogps, refLogps] = sides(given["refLogps"]!);
      const [policyMask, refMask] = sides(b.gridMask);
      const result = xpo(
        {
          policyLogps: own,
          refOfPolicyLogps,
          policyMask,
          policyOfRefLogps: other,
          refLogps,
          refMask,
          policyChosen: b.values["policy_chosen"]!,
        },
        {
          beta: s.beta,
          alpha: s.alpha,
          lossType: s.loss_type as "sigmoid" | "ipo",
          ...(s.loss_options as Given),
        },
      );
      return { result, inputs: { ...b.inputs, ...inputs }, rowMask: b.groupMask };
    },
  };
}
