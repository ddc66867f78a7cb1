/**
 * A solution in steps to token ids, each step's judgement on the last token of the separator that ends it. By TRL's rules
 * (PRMTrainer): prompt, steps and separators are tokenised one by one and put together. Knows no files, batches or losses.
 */
import { AttuneError } from "../errors.js";
import type { Tokenizer } from "./tokenizer.js";

/** A solution whose steps were judged. */
export interface JudgedSteps {
  prompt: string;
  completions: readonly string[];
  /** Whether each step is good. */
  labels: readonly boolean[];
}

export interface TokenisedSteps {
  /** Begins with bos where the tokenizer has one. */
  prompt: number[];
  /** All steps with their separators. */
  tokens: number[];
  /** As long as `tokens`: 1 good, 0 bad, `unjudged` elsewhere. They judge the token that they stand at. */
  labels: number[];
}

/** The label of a token that is not judged, as in torch and TRL. */
export const unjudged = -100;

export interface StepOptions {
  /** Names the row in errors. Default "row". */
  where?: string;
  /** What stands after every step. Default a newline (TRL `step_separator`). */
  separator?: string;
  /** Keep the judgement of the last step only. Default false (TRL `train_on_last_step_only`). */
  lastStepOnly?: boolean;
}

/** @throws AttuneError `data` when labels and steps are not as many, or the separator has no token to judge. */
export async function tokenizeSteps(
  tokenizer: Tokenizer,
  { prompt, completions, labels }: JudgedSteps,
  { where = "row", separator = "\n", lastStepOnly = false }: StepOptions = {},
): Promise<TokenisedSteps> {
  if (labels.length !== completions.length) {
    throw new AttuneError("data", {
      where,
      expected: `${completions.length} labels for ${completions.length} steps`,
      got: String(labels.length),
    });
  }
  const texts = [prompt, separator, ...completions];
  const [asked, between, ...steps] = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
  if (between!.length === 0) {
    throw new AttuneError("data", {
      where,
      expected: "a separator of at least one token, on which the judgement stands",
      got: JSON.stringify(separator),
    });
  }
  const judged = (step: number): number =>
    lastStepOnly && step < steps.length - 1 ? unjudged : Number(labels[step]);
  return {
    prompt: [...(tokenizer.bosId === undefined ? [] : [tokenizer.bosId]), ...asked!],
    tokens: steps.flatMap((step) => [...step, ...between!]),
    labels: steps.flatMap((step, i) => [
      ...step.map(() => unjudged),
      ...between!.map((_, at) => (at === between!.length - 1 ? judged(i) : unjudged)),
    ]),
  };
}
