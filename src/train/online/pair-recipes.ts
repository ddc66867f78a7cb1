/** Methods that learn from pairs or the best of the policy's own answers: Online DPO, iterative DPO, SPIN, best of n. */
import {
  bestOfNKlBound,
  chooseBest,
  choosePairs,
  type OptionValue,
  PAIR_LOSSES,
} from "../../losses/index.js";
import { preference } from "../methods/preference.js";
import { sft } from "../methods/sft.js";
import type { Trainer } from "../trainer.js";
import { mean, paid, usable } from "./answer-use.js";
import type { OnlineBatch, OnlineItem } from "./item.js";
import type { Recipe } from "./recipe.js";
import { klOfRow, type RolloutRow, samplerGap, total } from "./rollout.js";
import type { OnlineSettings } from "./settings.js";

type Given = Readonly<Record<string, OptionValue>>;

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
      temperature: s.temperature,
    });
    return { ...trainer, name, companion } as unknown as Trainer<OnlineBatch>;
  };
}

/** What the KL costs in the objective that DPO's losses stand for: TRL's names. */
function objective(rows: readonly RolloutRow[], s: OnlineSettings): Record<string, number> {
  const judged = rows.filter(({ score }) => !Number.isNaN(score));
  const cost = -s.beta * mean(judged.map(klOfRow));
  return {
    "objective/non_score_reward": cost,
    "objective/rlhf_reward": mean(judged.map((row) => paid(row, s))) + cost,
    beta: s.beta,
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
      const rewards = rows.map((row) => (usable(row, s) ? row.score : Number.NaN));
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
        metrics: {
          ...got.metrics,
          ...objective(rows, s),
          ...samplerGap(rows),
          "objective/dropped_prompts": rows.length / samples - items.length,
        },
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
      const said = rows.filter((row) => usable(row, s));
      const able = said.filter(({ tokens, prompt }) => tokens.join() !== prompt.answerTokens!.join());
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
      return {
        items,
        metrics: { "spin/equal_answers": said.length - able.length, ...samplerGap(rows), beta: s.beta },
      };
    },
    trainer: pairTrainerOf("spin", s),
  };
}

/** The best of a prompt's answers is a demonstration for the policy itself. */
export function bestOfNRecipe(s: OnlineSettings): Recipe {
  return {
    make: (rows, { samples }) => {
      const rewards = rows.map((row) => (usable(row, s) ? paid(row, s) : Number.NaN));
      const best = chooseBest(rewards, { numGenerations: samples }).flatMap((row) =>
        row === undefined ? [] : [rows[row]!],
      );
      return {
        items: best.map((row) => ({ id: row.id, prompt: row.prompt.tokens, completions: [row.tokens] })),
        metrics: {
          ...samplerGap(rows),
          "objective/best_scores": mean(best.map((row) => paid(row, s))),
          // No farther from the policy that wrote them than this.
          "objective/best_of_n_kl_bound": bestOfNKlBound(samples),
        },
      };
    },
    trainer: ({ policy, train, companion }) =>
      ({ ...sft({ policy, train }), name: "best-of-n", companion }) as unknown as Trainer<OnlineBatch>,
  };
}
