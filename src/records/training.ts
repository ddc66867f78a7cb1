/**
 * The records that training reads: preference pairs, demonstrations, thumbs up or down, judged steps, prompts.
 * Names are TRL's; each has a standard form (text) and a conversational one (messages). Knows no tokens.
 */
import { z } from "zod";

import { Message, Text, ToolSchema } from "./message.js";

const common = {
  /** Unique in its data set, e.g. `train.jsonl:17`. */
  id: z.string().min(1),
  /** Where it was read: path and line. */
  source: z.string().optional(),
  tools: z.array(ToolSchema).optional(),
  /** Passed to the chat template as they are. */
  chat_template_kwargs: z.record(z.string(), z.unknown()).optional(),
  /** Columns of the original row that have no place here; reward functions and reports may read them. */
  extra: z.record(z.string(), z.unknown()).optional(),
};

/** True when there is nothing to learn from: no text, no tool call. */
export function isEmptyText(text: Text): boolean {
  if (typeof text === "string") return text === "";
  return text.every((message) => (message.content ?? "") === "" && (message.tool_calls ?? []).length === 0);
}

/** Equal texts, or equal messages field by field. */
export function equalTexts(left: Text, right: Text): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}

const sameForm = (texts: readonly Text[]): boolean => new Set(texts.map((text) => typeof text)).size === 1;

/** Two answers to one prompt, one preferred. */
export const Preference = z
  .strictObject({
    ...common,
    prompt: Text,
    chosen: Text,
    rejected: Text,
    /** How much better, in the reward's units; the reward model's loss subtracts it. */
    margin: z.number().optional(),
  })
  .refine((row) => sameForm([row.prompt, row.chosen, row.rejected]), {
    error: "prompt, chosen and rejected must all be text, or all be messages",
  })
  .refine((row) => !isEmptyText(row.chosen), { error: "the chosen answer is empty" })
  .refine((row) => !isEmptyText(row.rejected), { error: "the rejected answer is empty" })
  .refine((row) => !equalTexts(row.chosen, row.rejected), { error: "the two answers are equal" });
export type Preference = z.infer<typeof Preference>;

/** Something to imitate: a text, a conversation (its assistant turns), or a prompt with its completion. */
export const Demonstration = z.union([
  z.strictObject({ ...common, text: z.string().min(1, "the text is empty") }),
  z
    .strictObject({ ...common, messages: z.array(Message) })
    .refine((row) => row.messages.some((message) => message.role === "assistant"), {
      error: "no assistant message to learn from",
    }),
  z
    .strictObject({ ...common, prompt: Text, completion: Text })
    .refine((row) => sameForm([row.prompt, row.completion]), {
      error: "prompt and completion must both be text, or both be messages",
    })
    .refine((row) => !isEmptyText(row.completion), { error: "the completion is empty" }),
]);
export type Demonstration = z.infer<typeof Demonstration>;

/** One answer that was liked or not. */
export const Unpaired = z
  .strictObject({ ...common, prompt: Text, completion: Text, label: z.boolean() })
  .refine((row) => sameForm([row.prompt, row.completion]), {
    error: "prompt and completion must both be text, or both be messages",
  })
  .refine((row) => !isEmptyText(row.completion), { error: "the completion is empty" });
export type Unpaired = z.infer<typeof Unpaired>;

/** A solution in steps, each right or wrong. */
export const Stepwise = z
  .strictObject({
    ...common,
    prompt: z.string(),
    completions: z.array(z.string()).min(1, "no steps"),
    labels: z.array(z.boolean()),
  })
  .refine((row) => row.completions.length === row.labels.length, {
    error: "as many labels as completions are needed",
  });
export type Stepwise = z.infer<typeof Stepwise>;

/** A prompt that a policy will answer. */
export const PromptOnly = z
  .strictObject({ ...common, prompt: Text })
  .refine((row) => row.prompt.length > 0, { error: "the prompt is empty" });
export type PromptOnly = z.infer<typeof PromptOnly>;
