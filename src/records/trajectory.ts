/** What an agent did, turn by turn, and the labels of its steps. Knows no tracing format. */
import { z } from "zod";

import { Annotator } from "./judging.js";
import { Message, ToolSchema } from "./message.js";

/** One run of an agent through a task. */
export const Trajectory = z.strictObject({
  id: z.string().min(1),
  /** The task it tried; several trials share it. */
  task: z.string().min(1),
  trial: z.number().int().optional(),
  messages: z.array(Message).min(1, "the trajectory has no messages"),
  tools: z.array(ToolSchema).optional(),
  /** Outcome, higher is better; tau-bench: 0 or 1. */
  reward: z.number().nullish(),
  source: z.string().optional(),
  extra: z.record(z.string(), z.unknown()).optional(),
});
export type Trajectory = z.infer<typeof Trajectory>;

/** A judgement of one step of a trajectory or of a solution in steps. */
export const StepLabel = z.strictObject({
  trajectory: z.string().min(1),
  /** Index of the message or step, from 0. */
  step: z.number().int().min(0),
  /** -1 wrong, 0 neutral, 1 right; null: not judged. */
  rating: z.number().min(-1).max(1).nullable(),
  annotator: Annotator.optional(),
  comment: z.string().optional(),
});
export type StepLabel = z.infer<typeof StepLabel>;
