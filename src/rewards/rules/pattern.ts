/** Rules on the shape of an answer: regular expressions, and TRL's format of thoughts. */
import { AttuneError } from "../../errors.js";
import { answerText, type Reward } from "../contract.js";

export interface PatternOptions {
  /** For logs. Default "pattern". */
  name?: string;
  /** contains: 1 where it is found; whole: where it is the whole answer; absent: where it is not found. Default "contains". */
  mode?: "contains" | "whole" | "absent";
  /** Flags of the regular expression where a string is given. Default "u". */
  flags?: string;
}

/** 1 or 0. Throws `config` for a pattern that is none. */
export function patternReward(pattern: string | RegExp, options: PatternOptions = {}): Reward {
  const { name = "pattern", mode = "contains", flags = "u" } = options;
  const source = typeof pattern === "string" ? pattern : pattern.source;
  // `g` and `y` remember where they stopped.
  const wanted = (typeof pattern === "string" ? flags : pattern.flags).replaceAll(/[gy]/g, "");
  let expression: RegExp;
  try {
    expression = new RegExp(mode === "whole" ? `^(?:${source})$` : source, wanted);
  } catch (cause) {
    throw new AttuneError("config", {
      where: `rewards: ${name}`,
      expected: "a regular expression",
      got: (cause as Error).message,
      cause,
    });
  }
  return {
    name,
    score: (items) =>
      items.map((item) => (expression.test(answerText(item)) === (mode !== "absent") ? 1 : 0)),
  };
}

/** 1 where the answer is `<think>` a thought `</think>` and then the rest, and opens only one: TRL's think_format_reward. */
export const thinkFormatReward = (): Reward =>
  patternReward(/<think>(?!.*<think>)(.*?)<\/think>.*/su, { name: "think_format", mode: "whole" });
