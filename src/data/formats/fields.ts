/** The fields of annotation tools: a prompt under one of its usual names, texts or messages as turns. Knows no tool. */
import type { Message } from "../../records/index.js";
import { describe, isText, RowProblem, type Row } from "./format.js";
import { looksLikeMessages, looksLikeText, readMessages } from "./messages.js";

/** A text is one turn of `role`; messages stay. Throws RowProblem. */
export function asTurns(value: unknown, { role, where }: { role: string; where: string }): Message[] {
  if (isText(value)) return [{ role, content: value }];
  if (looksLikeMessages(value)) return readMessages(value, where);
  throw new RowProblem(`\`${where}\`: expected a text or messages, got ${describe(value)}`);
}

const promptNames = ["prompt", "instruction", "question", "input", "text", "chat", "context"];

/** The column of the prompt, under one of the names that people give it. */
export const promptColumn = (row: Row): string | undefined =>
  promptNames.find((name) => looksLikeText(row[name]) && row[name] !== "");

/** The prompt's turns. Throws RowProblem. */
export function findPrompt(row: Row): Message[] {
  const name = promptColumn(row);
  if (name === undefined) {
    throw new RowProblem(
      "no field for the prompt: expected one named prompt, instruction, question, input or chat",
    );
  }
  return asTurns(row[name], { role: "user", where: name });
}
