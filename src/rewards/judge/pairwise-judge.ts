/**
 * A language model as judge of pairs, by a constitution: each pair is asked for twice with the sides swapped, and only what is
 * said both times counts. Knows neither the policy nor the run.
 *
 * Judges favour a side (Zheng et al. 2023, 2306.05685, section 3.4): a verdict that turns with the sides is a tie.
 */
import { AttuneError } from "../../errors.js";
import { createRandom } from "../../util/random.js";
import { sha256 } from "../../util/files.js";
import { answerText, promptText, type Reward, type RewardItem } from "../contract.js";
import { defaultPrinciples, pairQuestion } from "./constitution.js";
import { inParallel } from "./in-parallel.js";
import { type JudgeOptions, refuseSilence, sharedCache } from "./judge-reward.js";
import { askForVerdict, pairVerdict } from "./read-verdict.js";

export interface PairwiseJudgeOptions extends JudgeOptions {
  /** The constitution. Default: true, as asked, harmless. */
  readonly principles?: readonly string[];
  /** Show all principles, or for each pair one that is drawn for it (as Constitutional AI does). Default "all". */
  readonly show?: "all" | "one";
}

export interface AnswerPair {
  /** Names the pair in errors. */
  readonly id: string;
  readonly prompt: string;
  readonly a: string;
  readonly b: string;
}

export interface PairVerdict {
  readonly winner: "a" | "b" | "tie";
  /** Whether both orders gave the same. False with a tie: the judge favours a side here. */
  readonly consistent: boolean;
  /** At least one of the two replies could not be read: a tie that says nothing. */
  readonly unreadable: boolean;
  /** As given with `a` shown first. */
  readonly reason: string;
}

export interface PairwiseJudge {
  readonly name: string;
  /**
   * One verdict a pair, in order. Equal answers are ties without being asked.
   * @throws AttuneError `network` when the server stays away, `data` when no reply could be read
   */
  compare(pairs: readonly AnswerPair[], options?: { signal?: AbortSignal }): Promise<PairVerdict[]>;
}

/** @throws AttuneError `config` for an empty constitution */
export function pairwiseJudge(name: string, options: PairwiseJudgeOptions): PairwiseJudge {
  const { client, principles = defaultPrinciples, show = "all", rereads = 1 } = options;
  if (principles.length === 0) {
    const where = `judge ${name}: principles`;
    throw new AttuneError("config", { where, expected: "at least one", got: "none" });
  }
  const cache = sharedCache(options);
  /** The same for both orders of a pair. */
  const shown = ({ prompt, a, b }: AnswerPair): readonly string[] => {
    if (show === "all") return principles;
    const seed = Number.parseInt(sha256(JSON.stringify([prompt, [a, b].sort()])).slice(0, 8), 16);
    return [principles[createRandom(seed).integer(principles.length)]!];
  };
  return {
    name,
    async compare(pairs, { signal = new AbortController().signal } = {}) {
      const known = await cache();
      const asked = pairs.filter(({ a, b }) => a !== b);
      const orders = asked.flatMap((pair) => [
        { pair, first: pair.a, second: pair.b },
        { pair, first: pair.b, second: pair.a },
      ]);
      const replies = await inParallel(
        orders,
        { concurrency: client.concurrency, signal },
        ({ pair, first, second }, inner) => {
          const question = pairQuestion({ principles: shown(pair), prompt: pair.prompt, first, second });
          const where = `judge ${name}: pair ${pair.id}`;
          return known.get([client.fingerprint, question], () =>
            askForVerdict(client, question, { schema: pairVerdict, rereads, signal: inner, where }),
          );
        },
      );
      refuseSilence(
        `judge ${name}: ${asked.length} pairs`,
        replies.map((reply) => reply === null),
      );
      const verdicts = new Map(
        asked.map((pair, i) => [pair, joined(replies[2 * i] ?? null, replies[2 * i + 1] ?? null)]),
      );
      return pairs.map((pair) => verdicts.get(pair) ?? equalAnswers);
    },
  };
}

const equalAnswers: PairVerdict = {
  winner: "tie",
  consistent: true,
  unreadable: false,
  reason: "the answers are equal",
};

type Said = { winner: "A" | "B" | "tie"; reason: string } | null;

/** `swapped` was shown b first. */
function joined(straight: Said, swapped: Said): PairVerdict {
  const reason = straight?.reason ?? swapped?.reason ?? "";
  if (straight === null || swapped === null)
    return { winner: "tie", consistent: false, unreadable: true, reason };
  const one = { A: "a", B: "b", tie: "tie" } as const;
  const other = { A: "b", B: "a", tie: "tie" } as const;
  const [first, second] = [one[straight.winner], other[swapped.winner]];
  return first === second
    ? { winner: first, consistent: true, unreadable: false, reason }
    : { winner: "tie", consistent: false, unreadable: false, reason };
}

export interface PairwiseRewardOptions {
  /** Other answers to the same prompt that each answer meets at least, where there are so many. Default 3. */
  readonly opponents?: number;
}

/**
 * A judge of pairs as a reward: the share of comparisons that an answer wins against other answers to its prompt, a tie half,
 * in [0, 1]; null for a prompt's only answer. For methods with several answers a prompt, which have to come in one call.
 * Component: `inconsistent`, the share of an answer's comparisons that turned with the sides.
 */
export function pairwiseReward(judge: PairwiseJudge, { opponents = 3 }: PairwiseRewardOptions = {}): Reward {
  if (!(Number.isInteger(opponents) && opponents >= 1)) {
    const where = `rewards: ${judge.name}: opponents`;
    throw new AttuneError("config", {
      where,
      expected: "a whole number of at least 1",
      got: String(opponents),
    });
  }
  return {
    name: judge.name,
    keepsTime: true,
    async score(items, { signal }) {
      const meetings = meetingsOf(items, opponents);
      const verdicts = await judge.compare(
        meetings.map(({ a, b }) => ({
          id: `${items[a]!.id} and ${items[b]!.id}`,
          prompt: promptText(items[a]!),
          a: answerText(items[a]!),
          b: answerText(items[b]!),
        })),
        { signal },
      );
      const own = items.map(() => ({ points: 0, turned: 0, met: 0 }));
      meetings.forEach(({ a, b }, i) => {
        const { winner, consistent } = verdicts[i]!;
        own[a]!.points += winner === "a" ? 1 : winner === "tie" ? 0.5 : 0;
        own[b]!.points += winner === "b" ? 1 : winner === "tie" ? 0.5 : 0;
        for (const side of [own[a]!, own[b]!]) {
          side.met++;
          side.turned += Number(!consistent);
        }
      });
      return {
        scores: own.map(({ points, met }) => (met === 0 ? null : points / met)),
        components: { inconsistent: own.map(({ turned, met }) => (met === 0 ? null : turned / met)) },
      };
    },
  };
}

/** Answers of a prompt in a circle: each meets those up to half the opponents further on, and so as many behind it. */
function meetingsOf(items: readonly RewardItem[], opponents: number): { a: number; b: number }[] {
  const groups = new Map<string, number[]>();
  items.forEach(({ prompt }, at) => {
    const key = JSON.stringify(prompt);
    groups.set(key, [...(groups.get(key) ?? []), at]);
  });
  return [...groups.values()].flatMap((group) => {
    const n = group.length;
    const reach = Math.min(Math.ceil(opponents / 2), Math.floor(n / 2));
    return group.flatMap((a, i) =>
      Array.from({ length: reach }, (_, k) => k + 1)
        // In a circle of even size the one opposite is met from one side only.
        .filter((step) => 2 * step !== n || i < n / 2)
        .map((step) => ({ a, b: group[(i + step) % n]! })),
    );
  });
}
