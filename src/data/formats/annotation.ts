/** Exports of annotation tools: Argilla rankings and Label Studio pairs are read, Langfuse scores recognised. */
import type { Message } from "../../records/index.js";
import { comparisonFormat, type Vote } from "./comparison.js";
import {
  defineFormat,
  has,
  isObject,
  isText,
  need,
  needList,
  needObject,
  RowProblem,
  type Row,
} from "./format.js";
import { looksLikeMessages, readMessages } from "./messages.js";

function asTurns(value: unknown, { role, where }: { role: string; where: string }): Message[] {
  if (isText(value)) return [{ role, content: value }];
  if (looksLikeMessages(value)) return readMessages(value, where);
  throw new RowProblem(`\`${where}\`: expected a text or messages`);
}

/** The prompt of a tool's row, under one of the names people give it. */
function findPrompt(row: Row): Message[] {
  const name = ["prompt", "instruction", "question", "input", "text", "chat", "context"].find(
    (each) => isText(row[each]) || looksLikeMessages(row[each]),
  );
  if (name === undefined) {
    throw new RowProblem(
      "no field for the prompt: expected one named prompt, instruction, question, input or chat",
    );
  }
  return asTurns(row[name], { role: "user", where: name });
}

const isRanking = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((each) => isObject(each) && isText(each["value"]) && typeof each["rank"] === "number");

/** The ranking question of an Argilla 2 row: the column whose answers are lists of {value, rank}. */
const rankingColumn = (row: Row): string | undefined =>
  Object.keys(row).find((name) => {
    const answers = row[name];
    return name.endsWith(".responses") && Array.isArray(answers) && answers.some(isRanking);
  });

export const argilla = defineFormat<"preference">({
  title: "Argilla 2 records",
  conversion: "submitted answers to the ranking of two fields; the majority decides, ties are set aside",
  matches: (row) =>
    Object.keys(row).some((name) => name.endsWith(".responses") && row[`${name}.status`] !== undefined),
  ...comparisonFormat((row) => {
    const column = rankingColumn(row);
    if (column === undefined)
      throw new RowProblem("no answer that ranks two fields; only such questions give pairs");
    const answers = needList(row, column);
    const users = Array.isArray(row[`${column}.users`]) ? (row[`${column}.users`] as unknown[]) : [];
    const states = Array.isArray(row[`${column}.status`]) ? (row[`${column}.status`] as unknown[]) : [];
    const fields = [
      ...new Set(
        answers
          .filter(isRanking)
          .flatMap((answer) => (answer as Row[]).map((each) => each["value"] as string)),
      ),
    ].sort();
    const [first, second] = fields;
    if (first === undefined || second === undefined || fields.length !== 2)
      throw new RowProblem("the rankings do not name the same two fields");
    const votes = answers.flatMap((answer, index): Vote[] => {
      if (!isRanking(answer) || (states[index] !== undefined && states[index] !== "submitted")) return [];
      const rank = (name: string) =>
        (answer as Row[]).find((each) => each["value"] === name)?.["rank"] as number;
      const difference = rank(first) - rank(second);
      const annotator = { kind: "human", id: String(users[index] ?? `annotator${index + 1}`) } as const;
      return [{ annotator, preferred: difference === 0 ? null : difference < 0 ? 0 : 1 }];
    });
    return {
      prompt: findPrompt(row),
      answers: [
        asTurns(need(row, first), { role: "assistant", where: first }),
        asTurns(need(row, second), { role: "assistant", where: second }),
      ],
      votes,
    };
  }),
});

export const argilla1 = defineFormat({
  title: "Argilla 1 records",
  kind: undefined,
  conversion: "load it into Argilla 2 and export from there, or write prompt, chosen, rejected rows",
  matches: (row) => has(row, "external_id") && Object.keys(row).some((name) => name.endsWith("-suggestion")),
});

/** The pairwise results of a Label Studio task, left being the first name of `to_name`. */
function readPairwise(row: Row): { names: [string, string]; votes: Vote[] } {
  const votes: Vote[] = [];
  let names: [string, string] | undefined;
  for (const annotation of needList(row, "annotations").filter(isObject)) {
    if (annotation["was_cancelled"] === true || !Array.isArray(annotation["result"])) continue;
    const by = annotation["completed_by"];
    const id = isObject(by) ? (by["email"] ?? by["id"]) : by;
    for (const result of annotation["result"].filter(isObject)) {
      if (result["type"] !== "pairwise" || !isObject(result["value"])) continue;
      const pair = String(result["to_name"]).split(",");
      if (pair.length !== 2)
        throw new RowProblem(`to_name: expected two names, got "${String(result["to_name"])}"`);
      names = [(pair[0] as string).trim(), (pair[1] as string).trim()];
      const selected = result["value"]["selected"];
      votes.push({
        annotator: { kind: "human", id: String(id ?? "unknown") },
        preferred: selected === "left" ? 0 : selected === "right" ? 1 : null,
      });
    }
  }
  if (names === undefined)
    throw new RowProblem("no pairwise result; only tasks with a Pairwise tag give pairs");
  return { names, votes };
}

export const labelStudio = defineFormat<"preference">({
  title: "Label Studio export (JSON)",
  conversion: "pairwise results: left is the first name of to_name; the majority decides, ties are set aside",
  matches: (row) => isObject(row["data"]) && Array.isArray(row["annotations"]),
  ...comparisonFormat((row) => {
    const data = needObject(row, "data");
    const { names, votes } = readPairwise(row);
    return {
      prompt: findPrompt(data),
      answers: [
        asTurns(need(data, names[0]), { role: "assistant", where: `data.${names[0]}` }),
        asTurns(need(data, names[1]), { role: "assistant", where: `data.${names[1]}` }),
      ],
      votes,
    };
  }),
});

export const langfuse = defineFormat({
  title: "Langfuse scores",
  kind: undefined,
  conversion:
    "scores without the texts they judge; export the traces with input and output and write pairs from them",
  matches: (row) => has(row, "traceId", "dataType", "name") && "value" in row,
});
