/** Messages, tool calls and tool descriptions, in the shape that chat templates read. Knows no template. */
import { z } from "zod";

export const ToolCall = z.looseObject({
  id: z.string().optional(),
  type: z.literal("function").default("function"),
  /** `arguments` is an object here; OpenAI's JSON text is read on import. */
  function: z.looseObject({ name: z.string().min(1), arguments: z.record(z.string(), z.unknown()) }),
});
export type ToolCall = z.infer<typeof ToolCall>;

/**
 * One turn of a conversation. Loose: templates read fields of their own (`reasoning_content`, `thinking`), so
 * what we do not know is kept.
 */
export const Message = z.looseObject({
  /** `system`, `user`, `assistant`, `tool`, or whatever else the template knows. */
  role: z.string().min(1),
  /** Null or absent where a turn only calls tools. */
  content: z.string().nullish(),
  tool_calls: z.array(ToolCall).optional(),
  /** Name of the tool that answers. */
  name: z.string().optional(),
  tool_call_id: z.string().optional(),
});
export type Message = z.infer<typeof Message>;

export const ToolSchema = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string().min(1),
    description: z.string().optional(),
    /** JSON Schema of the arguments. */
    parameters: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type ToolSchema = z.infer<typeof ToolSchema>;

/** Plain text, or a conversation. */
export const Text = z.union([z.string(), z.array(Message)]);
export type Text = z.infer<typeof Text>;
