/** Methods that learn from pairs of answers: Online DPO, iterative DPO, SPIN, XPO, Nash-MD. */
import { chooseBest, choosePairs, nashMd, type OptionValue, PAIR_LOSSES, xpo } from "../../losses/index.js";
import { input, type Tensor } from "../../tensor/index.js";
import {
  batchInputs,
  completionLogps,
  completionOf,
  feedsOf,
  hiddenOf,
  shapeOf,
} from "../methods/batch-graph.js";
import { preference } from "../methods/preference.js";
import { sft } from "../methods/sft.js";
import type { Feeds, Trainer } from "../trainer.js";
import type { OnlineBatch, OnlineItem } from "./item.js";
import { paid } from "./policy-gradient.js";
import type { Recipe } from "./recipe.js";
import type { OnlineSettings } from "./settings.js";

type Given = Readonly<Record<string, OptionValue>>;

const total = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b, 0);
const mean = (list: readonly number[]): number => total(list) / Math.max(1, list.length);

function pairTrainerOf(name: string, s: OnlineSettings): Recipe["trainer"] {
  const own: Given = { beta: s.beta };
  const { options } = PAIR_LOSSES[s.loss_type as keyof typeof PAIR_LOSSES];
  const loss = Object.fromEntries(Object.entries(own).filter(([key]) => key in options));
  return ({ policy, train, companion }) => {
    const trainer = preference({
      policy,
      train,
      lossType: s.loss_type,
      loss: { ...loss, ...(s.loss_options as Given) },
      reference: "precomputed",
    });
    return { ...trainer, name, companion } as unknown as Trainer<OnlineBatch>;
  };
}

interface Side {
  tokens: readonly number[];
  logps: ArrayLike<number>;
  refLogps: ArrayLike<number>;
}

/** `iteration`: the reference is the policy that wrote the answers. */
const reference = (side: Side, s: OnlineSettings, always: "start" | undefined): number =>
  total(always === undefined && s.reference_update === "iteration" ? side.logps : side.refLogps);

interface Pairing {
  id: string;
  prompt: readonly number[];
  chosen: Side;
  rejected: Side;
}

const pairItem = (
  { id, prompt, chosen, rejected }: Pairing,
  s: OnlineSettings,
  always?: "start",
): OnlineItem => ({
  id,
  prompt,
  completions: [chosen.tokens, rejected.tokens],
  values: {
    ref_chosen_logps: reference(chosen, s, always),
    ref_rejected_logps: reference(rejected, s, always),
  },
});

/** The best and the worst of a prompt's answers; the reference as told, for Online DPO the model before training. */
export function ownPairsRecipe(
  s: OnlineSettings,
  { name, always }: { name: string; always?: "start" },
): Recipe {
  return {
    make: (rows, { samples }) => {
      // An answer without a token can be no side of a pair.
      const rewards = rows.map((row) => (row.tokens.length === 0 ? Number.NaN : row.score));
      const got = choosePairs(rewards, {
        numGenerations: samples,
        hasEos: rows.map(({ ended }) => ended),
        missingEosPenalty: s.missing_eos_penalty,
        ties: s.ties,
      });
      const items = got.pairs.flatMap(({ chosen, rejected }) => {
        const [best, worst] = [rows[chosen]!, rows[rejected]!];
        const same = best.tokens.join() === worst.tokens.join();
        if (same) return [];
        return [
          pairItem({ id: best.id, prompt: best.prompt.tokens, chosen: best, rejected: worst }, s, always),
        ];
      });
      return {
        items,
        metrics: { ...got.metrics, "objective/dropped_prompts": rows.length / samples - items.length },
        informative: got.pairs.map(({ prompt }) => prompt),
      };
    },
    trainer: pairTrainerOf(name, s),
  };
}

/** The demonstration against one's own answer; the opponent is the policy as it was when it wrote. */
export function spinRecipe(s: OnlineSettings): Recipe {
  return {
    make: async (rows, { score }) => {
      const able = rows.filter(
        ({ tokens, prompt }) => tokens.length > 0 && tokens.join() !== prompt.answerTokens!.join(),
      );
      const shown = await score(
        able.map(({ id, prompt }) => ({
          id,
          prompt: prompt.tokens,
          completions: [prompt.answerTokens!],
        })),
      );
      const items = able.map((row, i) =>
        pairItem(
          {
            id: row.id,
            prompt: row.prompt.tokens,
            chosen: { tokens: row.prompt.answerTokens!, ...shown[i]! },
            rejected: row,
          },
          s,
        ),
      );
      return { items, metrics: { "spin/equal_answers": rows.length - able.length } };
    },
    trainer: pairTrainerOf("spin", s),
  };
}

/** The best of a prompt's answers is a demonstration for the policy itself. */
export function bestOfNRecipe(): Recipe {
  return {
    make: (rows, { samples }) => {
      const rewards = rows.map((row) => (row.tokens.length === 0 ? Number.NaN : row.score));
      const best = chooseBest(rewards, { numGenerations: samples }).flatMap((row) =>
        row === undefined ? [] : [rows[row]!],
      );
      return {
        items: best.map((row) => ({ id: row.id, prompt: row.prompt.tokens, completions: [row.tokens] })),
        metrics: {
          "objective/best_scores": mean(best.map(({ score }) => score)),
          // Over log n - (n - 1)/n, what n answers can move; see bestOfNKlBound.
          "objective/best_of_n_kl_bound": Math.log(samples) - (samples - 1) / samples,
        },
      };
    },
    trainer: ({ policy, train, companion }) =>
      ({ ...sft({ policy, train }), name: "best-of-n", companion }) as unknown as Trainer<OnlineBatch>,
  };
}

/** The policy's answer against the reference's, with optimism. */
export function xpoRecipe(s: OnlineSettings): Recipe {
  return {
    make: async (rows, { fromReference, score }) => {
      const other = await fromReference();
      const able = rows.flatMap((row, r) =>
        row.tokens.length > 0 && other.tokens[r]!.length > 0 && !Number.isNaN(row.score) ? [r] : [],
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
          values: { policy_chosen: paid(row, s) >= other.scores[r]! ? 1 : 0 },
          perToken: { refLogps: [row.refLogps, theirs[i]!.refLogps] },
        };
      });
      return {
        items,
        metrics: { "objective/scores_margin": mean(able.map((r) => rows[r]!.score - other.scores[r]!)) },
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
      const able = rows.flatMap((row, r) =>
        row.tokens.length > 0 && !Number.isNaN(row.score) && !Number.isNaN(other.scores[r]!) ? [r] : [],
      );
      const margin = (r: number): number => paid(rows[r]!, s) - other.scores[r]!;
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
      return { items, metrics: { "objective/scores_margin": mean(able.map(margin)) } };
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
    shape: shapeOf,
    feeds: refFeeds,
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy: bound, recompute }) {
      const b = batchInputs(batch);
      const refLogps = input("token:refLogps", [batch.sequences, batch.width]);
      const logps = completionLogps(bound, b, hiddenOf(bound, b, recompute));
      const probability = b.values["probability"]!;
      const result = nashMd({ logps, refLogps, probability, mask: b.gridMask }, { beta: s.beta });
      return { result, inputs: { ...b.inputs, "token:refLogps": refLogps }, rowMask: b.groupMask };
    },
  };
}

const refFeeds = (batch: OnlineBatch): Feeds => ({
  ...feedsOf(batch),
  "token:refLogps": {
    shape: [batch.sequences, batch.width],
    dtype: "float32",
    data: batch.perToken["refLogps"]!,
  },
});

function xpoTrainer(
  s: OnlineSettings,
  o: Pick<Trainer<OnlineBatch>, "policy" | "train" | "companion">,
): Trainer<OnlineBatch> {
  const sides = (x: Tensor): [Tensor, Tensor] => [completionOf(x, 0, 2), completionOf(x, 1, 2)];
  return {
    ...o,
    name: "xpo",
    shape: shapeOf,
    feeds: refFeeds,
    counts: ({ counted, tokens }) => ({ ...counted, inputTokens: tokens }),
    ids: ({ ids }) => ids,
    trace(batch, { policy, recompute }) {
      const b = batchInputs(batch);
      const given = input("token:refLogps", [batch.sequences, batch.width]);
      const [own, other] = sides(completionLogps(policy, b, hiddenOf(policy, b, recompute)));
      const [refOfPolicyLogps, refLogps] = sides(given);
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
        { beta: s.beta, alpha: s.alpha, lossType: s.loss_type as "sigmoid" | "ipo" },
      );
      return { result, inputs: { ...b.inputs, "token:refLogps": given }, rowMask: b.groupMask };
    },
  };
}
