/**
 * What is judged and what was judged: append-only, lossless for the annotation formats in the wild.
 * Knows nothing of storage, screens or statistics.
 */
import { z } from "zod";

import { Message, ToolSchema } from "./message.js";

export const Candidate = z.strictObject({
  id: z.string().min(1),
  source: z
    .strictObject({
      model: z.string().optional(),
      checkpoint: z.string().optional(),
      params: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  messages: z.array(Message),
  meta: z.record(z.string(), z.unknown()).optional(),
});
export type Candidate = z.infer<typeof Candidate>;

/** A prompt and the answers to compare. */
export const Item = z.strictObject({
  id: z.string().min(1),
  project: z.string().default("default"),
  prompt: z.array(Message),
  tools: z.array(ToolSchema).optional(),
  candidates: z.array(Candidate).min(1),
  /** The known answer of a test item. */
  gold: z.unknown().optional(),
  /** How this item was picked and with what probability, for unbiased estimates. */
  selection: z.strictObject({ policy: z.string(), prob: z.number().min(0).max(1) }).optional(),
  group: z.string().optional(),
  /** What it is for; a task where absent, or a gold item where the answer is known. */
  role: z.enum(["task", "gold", "practice"]).optional(),
  /** How unsure a reward-model ensemble is of it, for active choice. */
  uncertainty: z.number().min(0).optional(),
});
export type Item = z.infer<typeof Item>;

export const Annotator = z.strictObject({ kind: z.enum(["human", "model", "rule"]), id: z.string().min(1) });
export type Annotator = z.infer<typeof Annotator>;

/** What was decided. Candidates are named by id, so the order shown never matters here. */
export const Outcome = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("pair"), chosen: z.string().nullable(), rejected: z.string().nullable() }),
  /** Best first; ids in one inner list are tied. */
  z.strictObject({ type: z.literal("rank"), order: z.array(z.array(z.string())) }),
  z.strictObject({ type: z.literal("rate"), candidate: z.string(), score: z.number() }),
  z.strictObject({ type: z.literal("step"), candidate: z.string(), labels: z.array(z.number().nullable()) }),
  z.strictObject({ type: z.literal("rewrite"), candidate: z.string(), messages: z.array(Message) }),
]);
export type Outcome = z.infer<typeof Outcome>;

export const Judgement = z.strictObject({
  id: z.string().min(1),
  item: z.string().min(1),
  annotator: Annotator,
  task_version: z.string().optional(),
  guideline_version: z.string().optional(),
  /** Candidate ids from left to right, as shown; swaps are undone from here only. */
  shown_order: z.array(z.string()).optional(),
  seed: z.number().int().optional(),
  started_at: z.string().optional(),
  submitted_at: z.string().optional(),
  active_ms: z.number().min(0).optional(),
  /** Absent when skipped. */
  outcome: Outcome.optional(),
  /** -3 (the first shown is much better) to 3. */
  strength: z.number().min(-3).max(3).nullish(),
  tie: z.enum(["equal", "both_good", "both_bad"]).nullish(),
  attributes: z.record(z.string(), z.unknown()).optional(),
  reasons: z.array(z.string()).optional(),
  comment: z.string().optional(),
  skipped: z.strictObject({ reason: z.string() }).optional(),
  revision_of: z.string().optional(),
  /** What the item was shown for; a task where absent. */
  purpose: z.enum(["task", "gold", "practice", "repeat"]).optional(),
  /** How the item was picked for this person and with what probability. */
  selection: z.strictObject({ policy: z.string(), prob: z.number().min(0).max(1) }).optional(),
  /** `side-by-side` or `stacked`. */
  layout: z.string().optional(),
  /** Given after its lease had run out. */
  late: z.boolean().optional(),
  status: z.enum(["submitted", "draft", "discarded"]).default("submitted"),
});
export type Judgement = z.infer<typeof Judgement>;
