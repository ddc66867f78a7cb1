/**
 * What tracing tools export: Langfuse traces with their scores, LangSmith runs with their feedback. One answer an item; scores are
 * judgements of those who gave them. Knows no other span than the outermost.
 */
import { Item, Judgement, type Message } from "../../records/index.js";
import {
  checked,
  defineFormat,
  has,
  isObject,
  isText,
  RowProblem,
  RowSetAside,
  type Judged,
  type Row,
  type RowPlace,
} from "./format.js";
import { looksLikeMessages, readMessages } from "./messages.js";

/** Turns out of whatever a tracer wrote down: a text, a message, messages, an object that holds some, or anything as JSON. */
function turnsOf(value: unknown, { role, where }: { role: string; where: string }): Message[] {
  if (isText(value)) return [{ role, content: value }];
  if (looksLikeMessages(value)) return readMessages(value, where);
  if (looksLikeMessages([value])) return readMessages([value], where);
  if (isObject(value)) {
    const inner = [
      "messages",
      "input",
      "question",
      "prompt",
      "output",
      "answer",
      "response",
      "content",
      "text",
    ];
    const name = inner.find((each) => isText(value[each]) || looksLikeMessages(value[each]));
    if (name !== undefined) return turnsOf(value[name], { role, where: `${where}.${name}` });
  }
  if (value === null || value === undefined) throw new RowProblem(`\`${where}\` is empty`);
  return [{ role, content: JSON.stringify(value) }];
}

/** The turns that the output adds: an output that repeats the whole conversation loses its start. */
function answerTo(prompt: readonly Message[], output: readonly Message[]): Message[] {
  const repeated = prompt.every((turn, k) => JSON.stringify(turn) === JSON.stringify(output[k]));
  return repeated && output.length > prompt.length ? output.slice(prompt.length) : [...output];
}

function itemOf(place: RowPlace, o: { input: unknown; output: unknown; model: unknown }): Item {
  const prompt = turnsOf(o.input, { role: "user", where: "input" });
  return checked(Item, {
    id: place.id,
    prompt,
    candidates: [
      {
        id: "a",
        ...(isText(o.model) && { source: { model: o.model } }),
        messages: answerTo(prompt, turnsOf(o.output, { role: "assistant", where: "output" })),
      },
    ],
  });
}

/** One person's scores of one trace are one judgement: a correction is a rewrite, else the first number or truth rates. */
function judgementOf(
  scores: readonly Row[],
  o: { annotator: Judgement["annotator"]; id: string; item: string },
): Judgement {
  const attributes: Record<string, unknown> = {};
  const reasons: string[] = [];
  let outcome: Judgement["outcome"];
  for (const score of scores) {
    const { name, value, stringValue, dataType } = score;
    const text = isText(stringValue) ? stringValue : isText(value) ? value : undefined;
    const number = typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : undefined;
    if (dataType === "CORRECTION" && text !== undefined)
      outcome = { type: "rewrite", candidate: "a", messages: [{ role: "assistant", content: text }] };
    else if (number !== undefined && (dataType === undefined || /NUMERIC|BOOLEAN/.test(String(dataType)))) {
      outcome ??= { type: "rate", candidate: "a", score: number };
      attributes[String(name)] = { a: number };
    } else if (text !== undefined) reasons.push(`${String(name)}: ${text}`);
  }
  const comment = scores.flatMap((score) => (isText(score["comment"]) ? [score["comment"]] : [])).join("\n");
  const at = scores.find((score) => isText(score["timestamp"]))?.["timestamp"];
  return checked(Judgement, {
    id: o.id,
    item: o.item,
    annotator: o.annotator,
    ...(outcome === undefined ? { skipped: { reason: "labels only" } } : { outcome }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(reasons.length > 0 && { reasons }),
    ...(comment !== "" && { comment }),
    ...(at !== undefined && { submitted_at: at }),
  });
}

function scorer(score: Row): Judgement["annotator"] {
  if (isText(score["authorUserId"])) return { kind: "human", id: score["authorUserId"] };
  const source = String(score["source"] ?? "API");
  return source === "ANNOTATION"
    ? { kind: "human", id: "langfuse-annotation" }
    : { kind: source === "EVAL" ? "model" : "rule", id: `langfuse-${source.toLowerCase()}` };
}

function readTrace(row: Row, place: RowPlace): Judged {
  const metadata = isObject(row["metadata"]) ? row["metadata"] : {};
  const item = itemOf(place, {
    input: row["input"],
    output: row["output"],
    model: row["model"] ?? metadata["model"],
  });
  const scores = Array.isArray(row["scores"]) ? row["scores"].filter(isObject) : [];
  const people = new Map<string, Row[]>();
  for (const score of scores) {
    const who = JSON.stringify(scorer(score));
    people.set(who, [...(people.get(who) ?? []), score]);
  }
  return {
    item,
    judgements: [...people].map(([who, given], k) =>
      judgementOf(given, {
        annotator: JSON.parse(who) as Judgement["annotator"],
        id: `${place.id}#${k + 1}`,
        item: item.id,
      }),
    ),
  };
}

export const langfuseTrace = defineFormat({
  title: "Langfuse traces",
  kind: undefined,
  conversion:
    "input is the prompt, output the answer to judge (attune import, with --scores FILE where scores are apart); to train on them, export what was judged",
  matches: (row) =>
    has(row, "id") &&
    "input" in row &&
    "output" in row &&
    ["scores", "observations", "htmlPath", "bookmarked", "sessionId", "traceId"].some((name) => name in row),
  judge: readTrace,
});

export const langfuse = defineFormat({
  title: "Langfuse scores",
  kind: undefined,
  conversion:
    "scores without the texts they judge: export the traces too, then attune import TRACES --scores SCORES",
  matches: (row) => has(row, "traceId", "dataType", "name") && "value" in row,
});

export const langsmithRun = defineFormat({
  title: "LangSmith runs",
  kind: undefined,
  conversion:
    "the outermost run is an item: its inputs the prompt, its outputs the answer, its feedback the judgements (attune import); to train on them, export what was judged",
  matches: (row) => has(row, "run_type", "trace_id") || has(row, "dotted_order"),
  judge: (row, place) => {
    if (row["parent_run_id"] !== undefined && row["parent_run_id"] !== null)
      throw new RowSetAside("a step of a run: the outermost run has its input and output");
    if (row["outputs"] === null || row["outputs"] === undefined)
      throw new RowSetAside("a run that gave no answer");
    const item = itemOf(place, { input: row["inputs"], output: row["outputs"], model: modelOf(row) });
    const feedback = Object.entries(isObject(row["feedback_stats"]) ? row["feedback_stats"] : {});
    return {
      item,
      judgements: feedback.flatMap(([key, stats], k) =>
        isObject(stats) && typeof stats["avg"] === "number"
          ? [
              judgementOf([{ name: key, value: stats["avg"] }], {
                annotator: { kind: "rule", id: `langsmith-${key}` },
                id: `${place.id}#${k + 1}`,
                item: item.id,
              }),
            ]
          : [],
      ),
    };
  },
});

function modelOf(row: Row): unknown {
  const extra = isObject(row["extra"]) ? row["extra"] : {};
  const metadata = isObject(extra["metadata"]) ? extra["metadata"] : {};
  return metadata["ls_model_name"];
}
