/** What `attune` alone says: what it is for, and what a newcomer does next. */
import type { CommandEntry } from "./commands.js";
import { table } from "./show.js";

export function welcome(commands: Readonly<Record<string, CommandEntry>>): string {
  const rows = Object.entries(commands).map(([name, { summary }]) => [`attune ${name}`, summary]);
  return `Attune teaches models what people actually want: from comparisons of answers to a better model.

New here? Two minutes, offline:
  attune quickstart

With your own data (JSON Lines, JSON, CSV, Parquet, or a Hugging Face data set):
  attune inspect my.jsonl                                          what is in it, and what would be trained
  attune train reward --model MODEL --data my.jsonl --eval-split 0.1   a model that judges answers
  attune train dpo --model MODEL --data my.jsonl --eval-split 0.1      a model that gives better ones
MODEL is a Hugging Face folder or id, or models/tiny, which comes with Attune.

Commands (each has --help)
${table(rows)}`;
}
