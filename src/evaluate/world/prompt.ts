/** A question as the messages that a chat template and TRL's `prompt` column take. */
import type { Question } from "./schema.js";

/** One message with plain text: a `Message` of the records (so no interface: it must fit its index signature). */
export type SaidTurn = { role: "user" | "assistant"; content: string };

export function promptOf(question: Question): [SaidTurn] {
  return [{ role: "user", content: question.text }];
}
