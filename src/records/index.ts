/**
 * The shared schemas. Each name is both a zod schema and the type it gives. Knows no file format, database or
 * trainer. Conventions: ids are strings, times ISO 8601 text, missing means absent (not null) unless said.
 */
export { Annotator, Candidate, Item, Judgement, Outcome } from "./judging.js";
export { Message, Text, ToolCall, ToolSchema } from "./message.js";
export { Run } from "./run.js";
export {
  Demonstration,
  equalTexts,
  isEmptyText,
  Preference,
  PromptOnly,
  Stepwise,
  Unpaired,
} from "./training.js";
export { StepLabel, Trajectory } from "./trajectory.js";
