/**
 * Label Studio's JSON export: Pairwise, Ranker and Choices over the task's fields; ratings, labels and texts beside them are kept.
 * Predictions are judgements of a model, an annotation marked as ground truth is a decision.
 */
import { Item, Judgement, type Message } from "../../records/index.js";
import { majorityPreference, type Vote } from "./comparison.js";
import { asTurns, findPrompt, promptColumn } from "./fields.js";
import {
  checked,
  defineFormat,
  isObject,
  isText,
  need,
  needList,
  needObject,
  RowProblem,
  RowSetAside,
  type Judged,
  type Row,
  type RowPlace,
} from "./format.js";
import { looksLikeMessages } from "./messages.js";

type Answer = Partial<Pick<Judgement, "outcome" | "tie" | "attributes" | "reasons" | "comment">>;

const results = (annotation: Row): Row[] =>
  Array.isArray(annotation["result"]) ? annotation["result"].filter(isObject) : [];
const valueOf = (result: Row): Row => (isObject(result["value"]) ? result["value"] : {});

/** Fields that are judged, by what the results point at: two names, or a list of things with ids. */
function answersOf(data: Row, annotations: readonly Row[]): { id: string; messages: Message[] }[] {
  for (const result of annotations.flatMap(results)) {
    if (result["type"] === "pairwise") {
      const names = String(result["to_name"])
        .split(",")
        .map((name) => name.trim());
      if (names.length !== 2)
        throw new RowProblem(`to_name: expected two names, got "${String(result["to_name"])}"`);
      return names.map((id) => ({
        id,
        messages: asTurns(need(data, id), { role: "assistant", where: `data.${id}` }),
      }));
    }
    if (result["type"] === "ranker") return listed(data);
  }
  const prompt = promptColumn(data);
  const names = Object.keys(data).filter(
    (name) => name !== prompt && (isText(data[name]) || looksLikeMessages(data[name])),
  );
  if (names.length === 0) throw new RowProblem("data holds no answer beside the prompt");
  return names.map((id) => ({ id, messages: asTurns(data[id], { role: "assistant", where: `data.${id}` }) }));
}

/** The things of a List: objects with an id and a text. */
function listed(data: Row): { id: string; messages: Message[] }[] {
  const list = Object.values(data).find(
    (value): value is Row[] =>
      Array.isArray(value) && value.length > 1 && value.every((each) => isObject(each) && "id" in each),
  );
  if (list === undefined) throw new RowProblem("a Ranker's answers: data holds no list of objects with ids");
  return list.map((each) => ({
    id: String(each["id"]),
    messages: asTurns(each["body"] ?? each["text"] ?? each["html"] ?? each["title"], {
      role: "assistant",
      where: `data: ${String(each["id"])}`,
    }),
  }));
}

function pairOf(value: unknown, [first, second]: readonly string[]): Answer | undefined {
  const said = String(value);
  const pair = (chosen: string, rejected: string): Answer => ({
    outcome: { type: "pair", chosen, rejected },
  });
  if (first === undefined || second === undefined) return undefined;
  if (said === first || /^left$/i.test(said)) return pair(first, second);
  if (said === second || /^right$/i.test(said)) return pair(second, first);
  const none = { type: "pair", chosen: null, rejected: null } as const;
  if (/^(both[ _-]?bad|neither)$/i.test(said)) return { outcome: none, tie: "both_bad" };
  return /^(tie|equal|same|none|both)$/i.test(said) ? { outcome: none, tie: "equal" } : undefined;
}

function rankOf(value: unknown): Answer {
  const buckets = Object.entries(isObject(value) ? value : {}).filter(([, ids]) => Array.isArray(ids));
  if (buckets.length !== 1)
    throw new RowSetAside("ranked in several buckets: the export does not tell which is the better");
  return { outcome: { type: "rank", order: (buckets[0]![1] as unknown[]).map((id) => [String(id)]) } };
}

function answerOf(annotation: Row, ids: readonly string[]): Answer {
  const answer: Answer = {};
  const keep = (name: "reasons", text: string): void => void (answer[name] = [...(answer[name] ?? []), text]);
  for (const result of results(annotation)) {
    const value = valueOf(result);
    const question = String(result["from_name"]);
    const about = String(result["to_name"]);
    const choices = Array.isArray(value["choices"]) ? value["choices"].map(String) : [];
    const pair =
      result["type"] === "pairwise"
        ? pairOf(value["selected"] ?? "none", ids)
        : choices.length === 1 && ids.length === 2
          ? pairOf(choices[0], ids)
          : undefined;
    if (pair !== undefined) Object.assign(answer, pair);
    else if (result["type"] === "ranker") Object.assign(answer, rankOf(value["ranker"]));
    else if (typeof value["rating"] === "number" || typeof value["number"] === "number") {
      const score = (value["rating"] ?? value["number"]) as number;
      const one = ids.length === 1 ? ids[0] : undefined;
      if (one !== undefined && answer.outcome === undefined)
        answer.outcome = { type: "rate", candidate: one, score };
      else
        answer.attributes = {
          ...answer.attributes,
          [question]: { [ids.includes(about) ? about : "item"]: score },
        };
    } else if (Array.isArray(value["text"]))
      answer.comment = [answer.comment, ...value["text"].map(String)].filter((each) => each).join("\n");
    else for (const choice of choices) keep("reasons", choice);
  }
  return answer;
}

function annotatorOf(annotation: Row): Judgement["annotator"] {
  const by = annotation["completed_by"];
  const id = isObject(by) ? (by["email"] ?? by["id"]) : by;
  return { kind: "human", id: String(id ?? "unknown") };
}

function read(row: Row, place: RowPlace): Judged {
  const data = needObject(row, "data");
  const annotations = needList(row, "annotations").filter(isObject);
  const predictions = Array.isArray(row["predictions"]) ? row["predictions"].filter(isObject) : [];
  const candidates = answersOf(data, [...annotations, ...predictions]);
  const ids = candidates.map(({ id }) => id);
  const item = checked(Item, { id: place.id, prompt: findPrompt(data), candidates });
  const judged = [
    ...annotations.map((each) => ({ each, annotator: annotatorOf(each) })),
    ...predictions.map((each) => ({
      each,
      annotator: { kind: "model", id: String(each["model_version"] ?? "prediction") } as const,
    })),
  ].map(({ each, annotator }, k) => {
    const { outcome, ...rest } = answerOf(each, ids);
    const cancelled = each["was_cancelled"] === true;
    return {
      truth: each["ground_truth"] === true && outcome !== undefined,
      judgement: checked(Judgement, {
        id: `${place.id}#${k + 1}`,
        item: place.id,
        annotator,
        ...rest,
        ...(outcome === undefined || cancelled
          ? { skipped: { reason: cancelled ? "cancelled" : "no answer that compares or rates" } }
          : { outcome }),
        // The sides are those of the labelling page, the same for everybody.
        ...(ids.length === 2 && { shown_order: ids }),
        ...(isText(each["created_at"]) && { submitted_at: each["created_at"] }),
        ...(typeof each["lead_time"] === "number" && { active_ms: 1000 * each["lead_time"] }),
      }),
    };
  });
  const truth = judged.find((each) => each.truth)?.judgement;
  return {
    item,
    judgements: judged.map(({ judgement }) => judgement),
    ...(truth && {
      decision: {
        item: place.id,
        annotator: truth.annotator.id,
        answer: { outcome: truth.outcome, ...(truth.tie && { tie: truth.tie }) },
        reason: "ground truth in Label Studio",
      },
    }),
  };
}

export const labelStudio = defineFormat<"preference">({
  title: "Label Studio export (JSON)",
  kind: "preference",
  conversion:
    "pairwise results: left is the first name of to_name; the majority decides, ties are set aside; rankings, choices, ratings, predictions and ground truth are kept by attune import",
  matches: (row) => isObject(row["data"]) && Array.isArray(row["annotations"]),
  judge: read,
  convert: (row, place) => {
    const { item, judgements } = read(row, place);
    const [first, second] = item!.candidates;
    const votes = judgements.flatMap(({ annotator, outcome }): Vote[] =>
      annotator.kind !== "human" || outcome?.type !== "pair"
        ? []
        : [{ annotator, preferred: outcome.chosen === null ? null : outcome.chosen === first!.id ? 0 : 1 }],
    );
    if (second === undefined || votes.length === 0)
      throw new RowProblem("no pairwise result; only tasks with a Pairwise tag give pairs");
    return [
      majorityPreference({ prompt: item!.prompt, answers: [first!.messages, second.messages], votes }, place),
    ];
  },
});
