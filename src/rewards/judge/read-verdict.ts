/**
 * Reads a judge's reply strictly: one JSON object, alone or in a code fence, with exactly the fields that were asked for. A reply
 * that is anything else is no verdict: guessing at it would turn a judge's confusion into a reward.
 */
import { z } from "zod";
import { type ChatClient, type ChatTurn } from "./chat-client.js";

export const pairVerdict = z.strictObject({ reason: z.string(), winner: z.enum(["A", "B", "tie"]) });

export const scoreVerdict = ([low, high]: readonly [number, number]) =>
  z.strictObject({ reason: z.string(), score: z.number().min(low).max(high) });

/** Undefined where the reply is no such verdict. */
export function readVerdict<T>(reply: string, schema: z.ZodType<T>): T | undefined {
  const fence = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/.exec(reply);
  try {
    const parsed = schema.safeParse(JSON.parse(fence?.[1] ?? reply));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Asks, and where the reply cannot be read shows it back once more for each retry; then null. */
export async function askForVerdict<T>(
  client: ChatClient,
  question: readonly ChatTurn[],
  o: { schema: z.ZodType<T>; rereads: number; signal: AbortSignal; where: string },
): Promise<T | null> {
  let turns = question;
  for (let attempt = 0; attempt <= o.rereads; attempt++) {
    const reply = await client.ask(turns, o);
    const verdict = readVerdict(reply, o.schema);
    if (verdict !== undefined) return verdict;
    turns = [
      ...question,
      { role: "assistant", content: reply },
      { role: "user", content: "That was not the JSON object asked for. Reply with it and nothing else." },
    ];
  }
  return null;
}
