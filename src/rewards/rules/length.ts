/** Rules on how long an answer is, and on whether it ended. */
import { AttuneError } from "../../errors.js";
import { answerText, type Reward, type RewardItem } from "../contract.js";

export type LengthUnit = "characters" | "words" | "tokens";

/** Null where the answer's tokens are not known. */
function lengthOf(item: RewardItem, unit: LengthUnit): number | null {
  if (unit === "tokens") return item.tokens?.length ?? null;
  const text = answerText(item);
  return unit === "characters" ? [...text].length : (text.match(/\S+/g)?.length ?? 0);
}

export interface LengthOptions {
  /** Default "words". */
  unit?: LengthUnit;
  /** Default 0. */
  min?: number;
  /** Default: none. */
  max?: number;
  /** Over so many units outside the range the reward falls from 1 to 0. Default 0: at once. */
  slack?: number;
}

/** 1 within the range, less outside. Throws `config` for a range without numbers in it. */
export function lengthReward(options: LengthOptions = {}): Reward {
  const { unit = "words", min = 0, max = Infinity, slack = 0 } = options;
  if (!(min >= 0 && max >= min && slack >= 0)) {
    throw new AttuneError("config", {
      where: "rewards.lengthReward",
      expected: "0 <= min <= max and slack >= 0",
      got: `min ${min}, max ${max}, slack ${slack}`,
    });
  }
  return {
    name: "length",
    score: (items) =>
      items.map((item) => {
        const length = lengthOf(item, unit);
        if (length === null) return null;
        const outside = Math.max(min - length, length - max, 0);
        if (outside === 0) return 1;
        return slack === 0 ? 0 : Math.max(0, 1 - outside / slack);
      }),
  };
}

export interface OverlongOptions {
  /** Most tokens an answer may have. */
  maxTokens: number;
  /** The last so many of them are punished, from 0 down to -1. */
  cacheTokens: number;
}

/**
 * DAPO's soft overlong punishment: 0 up to maxTokens - cacheTokens, falling to -1 at maxTokens. Yu et al. 2025 (2503.14476),
 * eq. 13; TRL's get_soft_overlong_punishment. Does not apply where the answer's tokens are not known.
 */
export function overlongReward({ maxTokens, cacheTokens }: OverlongOptions): Reward {
  if (!(cacheTokens > 0 && maxTokens >= cacheTokens)) {
    throw new AttuneError("config", {
      where: "rewards.overlongReward",
      expected: "0 < cacheTokens <= maxTokens",
      got: `cacheTokens ${cacheTokens}, maxTokens ${maxTokens}`,
    });
  }
  return {
    name: "overlong",
    score: (items) =>
      items.map((item) => {
        const length = lengthOf(item, "tokens");
        if (length === null) return null;
        // The subtraction from 0 keeps a minus sign off zero.
        return Math.max(-1, 0 - Math.max(0, length - (maxTokens - cacheTokens)) / cacheTokens);
      }),
  };
}

/** 1 where the answer ended by itself, else 0. Does not apply where that is not known. */
export const endedReward = (): Reward => ({
  name: "ended",
  score: (items) =>
    items.map(({ finishReason }) => (finishReason === undefined ? null : finishReason === "stop" ? 1 : 0)),
});
