/**
 * What happens to examples that are too long, by a policy that is named and counted before training. Knows tokens
 * only. No policy makes two answers of a group equal, or leaves a completion without a trained token.
 */
import { AttuneError } from "../errors.js";
import type { Completion, Example } from "./batch.js";
import { countTrained } from "./layout.js";

/**
 * `error`: refuse to train; `drop`: leave the example out; `keep_start`: cut the ends of the completions, as TRL;
 * `keep_end`: cut the prompt from its left, completions stay whole.
 */
export type TruncationPolicy = "error" | "drop" | "keep_start" | "keep_end";

export interface TruncationReport {
  examples: number;
  /** Examples with a sequence (prompt + completion) longer than the limit. */
  tooLong: number;
  longest: { id: string; length: number } | undefined;
  /** Examples whose prompt was cut. */
  cutPrompts: number;
  /** By place in the group (0 chosen, 1 rejected): completions cut. */
  cutCompletions: number[];
  tokensCut: number;
  /** Examples left out, by reason. */
  dropped: Record<
    "too long" | "no room for an answer" | "answers would become equal" | "no trained token left",
    number
  >;
}

export interface Truncator {
  report: TruncationReport;
  /** The example as it may be used; undefined when it is left out. */
  apply: (example: Example) => Example | undefined;
  /** To be called after the last example: with policy `error` throws `data` when any was too long. */
  finish: () => void;
}

export function createTruncator({
  maxLength,
  policy,
}: {
  maxLength: number;
  policy: TruncationPolicy;
}): Truncator {
  if (!Number.isInteger(maxLength) || maxLength < 2) {
    throw new AttuneError("config", {
      where: "max_length",
      expected: "a whole number of at least 2",
      got: String(maxLength),
    });
  }
  const report: TruncationReport = {
    examples: 0,
    tooLong: 0,
    longest: undefined,
    cutPrompts: 0,
    cutCompletions: [],
    tokensCut: 0,
    dropped: {
      "too long": 0,
      "no room for an answer": 0,
      "answers would become equal": 0,
      "no trained token left": 0,
    },
  };
  const drop = (reason: keyof TruncationReport["dropped"]): undefined => {
    report.dropped[reason] += 1;
  };
  return {
    report,
    apply(example) {
      report.examples += 1;
      const answer = Math.max(...example.completions.map((completion) => completion.tokens.length));
      const length = example.prompt.length + answer;
      if (report.longest === undefined || length > report.longest.length)
        report.longest = { id: example.id, length };
      if (length <= maxLength) return example;
      report.tooLong += 1;
      if (policy === "error" || policy === "drop") return drop("too long");
      const room = policy === "keep_start" ? maxLength - example.prompt.length : maxLength - answer;
      // Cutting from the left needs one prompt token, which predicts the answer's first.
      if (room < 1 && !(room === 0 && example.prompt.length === 0)) return drop("no room for an answer");
      const cut =
        policy === "keep_start"
          ? cutEnds(example, room)
          : { ...example, prompt: example.prompt.slice(-room) };
      if (becomeEqual(example.completions, cut.completions)) return drop("answers would become equal");
      if (cut.completions.some((each, index) => losesTraining(example, { index, after: each })))
        return drop("no trained token left");
      if (cut.prompt.length < example.prompt.length) report.cutPrompts += 1;
      report.tokensCut += example.prompt.length - cut.prompt.length;
      cut.completions.forEach((each, index) => {
        const lost = (example.completions[index] as Completion).tokens.length - each.tokens.length;
        report.cutCompletions[index] = (report.cutCompletions[index] ?? 0) + (lost > 0 ? 1 : 0);
        report.tokensCut += lost;
      });
      return cut;
    },
    finish() {
      if (policy !== "error" || report.tooLong === 0) return;
      throw new AttuneError("data", {
        where: report.longest?.id ?? "data",
        expected: `at most ${maxLength} tokens of prompt and answer together`,
        got: `${report.tooLong} of ${report.examples} examples longer, the longest ${report.longest?.length} tokens`,
        fix: `raise max_length to ${report.longest?.length}, or choose what to lose: drop, keep_start (cuts answers), keep_end (cuts prompts)`,
      });
    },
  };
}

function cutEnds(example: Example, room: number): Example {
  const completions = example.completions.map((completion): Completion => {
    if (completion.tokens.length <= room) return completion;
    const tokens = completion.tokens.slice(0, room);
    return completion.mask === undefined ? { tokens } : { tokens, mask: completion.mask.slice(0, room) };
  });
  return { ...example, completions };
}

const key = (completion: Completion): string => completion.tokens.join(",");

/** Whether two completions that differed are now the same. */
function becomeEqual(before: readonly Completion[], after: readonly Completion[]): boolean {
  return new Set(after.map(key)).size < new Set(before.map(key)).size;
}

function losesTraining(example: Example, { index, after }: { index: number; after: Completion }): boolean {
  const before = example.completions[index] as Completion;
  const prompt = example.prompt.length;
  return countTrained(before, prompt) > 0 && countTrained(after, prompt) === 0;
}
