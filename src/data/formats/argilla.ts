/**
 * Argilla's exports, version 2 (columns `q.responses`, `q.responses.users`, ...) and 1 (a column a question, beside `q-suggestion`):
 * rankings of fields, labels that name a field, ratings and texts about one answer. Suggestions are judgements of a model.
 */
import { Item, Judgement, type Message } from "../../records/index.js";
import { majorityPreference, type Vote } from "./comparison.js";
import { asTurns, findPrompt, promptColumn } from "./fields.js";
import {
  checked,
  defineFormat,
  has,
  isObject,
  isText,
  need,
  RowProblem,
  type Judged,
  type Row,
  type RowPlace,
} from "./format.js";
import { looksLikeMessages } from "./messages.js";

interface Said {
  by: Judgement["annotator"];
  value: unknown;
  /** `submitted`, `discarded`, `draft`. */
  status: string;
}
type Questions = ReadonlyMap<string, readonly Said[]>;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const agentOf = (value: unknown): Said["by"] => ({ kind: "model", id: isText(value) ? value : "suggestion" });

function suggestion(row: Row, value: string, agent: unknown): Said[] {
  return row[value] === undefined || row[value] === null
    ? []
    : [{ by: agentOf(agent), value: row[value], status: "submitted" }];
}

function questionsOf2(row: Row): Questions {
  const names = Object.keys(row).flatMap((name) =>
    name.endsWith(".responses") ? [name.slice(0, -".responses".length)] : [],
  );
  return new Map(
    names.map((name) => [
      name,
      [
        ...listOf(row[`${name}.responses`]).map((value, k) => ({
          by: {
            kind: "human" as const,
            id: String(listOf(row[`${name}.responses.users`])[k] ?? `annotator${k + 1}`),
          },
          value,
          status: String(listOf(row[`${name}.responses.status`])[k] ?? "submitted"),
        })),
        ...suggestion(row, `${name}.suggestion`, row[`${name}.suggestion.agent`]),
      ],
    ]),
  );
}

function questionsOf1(row: Row): Questions {
  const names = Object.keys(row).flatMap((name) =>
    name.endsWith("-suggestion") ? [name.slice(0, -"-suggestion".length)] : [],
  );
  return new Map(
    names.map((name) => {
      const about = row[`${name}-suggestion-metadata`];
      return [
        name,
        [
          ...answers1(row[name]).map(({ user_id, value, status }, k) => ({
            by: { kind: "human" as const, id: String(user_id ?? `annotator${k + 1}`) },
            value,
            status: String(status ?? "submitted"),
          })),
          ...suggestion(row, `${name}-suggestion`, isObject(about) ? about["agent"] : undefined),
        ],
      ];
    }),
  );
}

/** A list of answers, or (from Parquet) an answer of lists. */
function answers1(value: unknown): Row[] {
  if (!isObject(value)) return listOf(value).filter(isObject);
  return listOf(value["value"]).map((each, k) => ({
    value: each,
    user_id: listOf(value["user_id"])[k],
    status: listOf(value["status"])[k],
  }));
}

const isRanking = (value: unknown): value is { value: string; rank: number }[] =>
  Array.isArray(value) &&
  value.length >= 2 &&
  value.every((each) => isObject(each) && isText(each["value"]) && typeof each["rank"] === "number");

const own = /^(id|status|inserted_at|updated_at|external_id|metadata|vectors|_server_id)$|[.]|-suggestion/;

/** Columns of answers: those that rankings name, else every text that is neither prompt nor question. */
function answerFields(row: Row, questions: Questions): string[] {
  const ranked = [...questions.values()]
    .flat()
    .flatMap(({ value }) => (isRanking(value) ? value.map((each) => each.value) : []));
  if (ranked.length > 0) return [...new Set(ranked)].sort();
  const prompt = promptColumn(row);
  return Object.keys(row).filter(
    (name) =>
      !own.test(name) &&
      name !== prompt &&
      !questions.has(name) &&
      (isText(row[name]) || looksLikeMessages(row[name])),
  );
}

const tie = /^(tie|same|equal|both|none|neither|no preference)\b/i;

/** What one value says of the answers; undefined where it is about something else. */
function outcomeOf(
  value: unknown,
  fields: readonly string[],
): Pick<Judgement, "outcome" | "tie"> | undefined {
  if (isRanking(value)) {
    const ranks = [...new Set(value.map(({ rank }) => rank))].sort((a, b) => a - b);
    const order = ranks.map((rank) => value.filter((each) => each.rank === rank).map((each) => each.value));
    if (fields.length > 2) return { outcome: { type: "rank", order } };
    const [best, worst] = order;
    return worst === undefined
      ? { outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" }
      : { outcome: { type: "pair", chosen: best![0]!, rejected: worst[0]! } };
  }
  if (fields.length === 2 && isText(value)) {
    if (fields.includes(value))
      return {
        outcome: { type: "pair", chosen: value, rejected: fields.find((name) => name !== value)! },
      };
    if (tie.test(value)) return { outcome: { type: "pair", chosen: null, rejected: null }, tie: "equal" };
  }
  if (fields.length !== 1) return undefined;
  if (typeof value === "number") return { outcome: { type: "rate", candidate: fields[0]!, score: value } };
  return undefined;
}

function judge(row: Row, place: RowPlace, questions: Questions): Judged {
  const fields = answerFields(row, questions);
  if (fields.length === 0)
    throw new RowProblem("no field with an answer: only prompt and questions are there");
  const item = checked(Item, {
    id: place.id,
    prompt: findPrompt(row),
    candidates: fields.map((name) => ({
      id: name,
      messages: asTurns(need(row, name), { role: "assistant", where: name }),
    })),
  });
  const people = new Map<string, { by: Said["by"]; said: [question: string, said: Said][] }>();
  for (const [question, all] of questions) {
    for (const said of all.filter(({ status }) => status !== "draft" && status !== "pending")) {
      const key = `${said.by.kind} ${said.by.id}`;
      const known = people.get(key) ?? { by: said.by, said: [] };
      known.said.push([question, said]);
      people.set(key, known);
    }
  }
  return {
    item,
    judgements: [...people.values()].map(({ by, said }, k) =>
      checked(Judgement, {
        id: `${place.id}#${k + 1}`,
        item: place.id,
        annotator: by,
        ...answerOf(said, fields),
      }),
    ),
  };
}

/** The first answer that compares or rates decides; numbers, labels and texts beside it are kept with it. */
function answerOf(said: readonly [string, Said][], fields: readonly string[]): object {
  if (said.some(([, { status }]) => status === "discarded")) return { skipped: { reason: "discarded" } };
  let main: Pick<Judgement, "outcome" | "tie"> | undefined;
  const attributes: Record<string, unknown> = {};
  const reasons: string[] = [];
  const comments: string[] = [];
  for (const [question, { value }] of said) {
    const outcome = main === undefined ? outcomeOf(value, fields) : undefined;
    if (outcome !== undefined) main = outcome;
    else if (typeof value === "number") attributes[question] = { item: value };
    else if (isText(value) && value.length > 60) comments.push(value);
    else if (isText(value)) reasons.push(`${question}: ${value}`);
    else comments.push(`${question}: ${JSON.stringify(value)}`);
  }
  return {
    ...(main ?? { skipped: { reason: "no answer that compares or rates" } }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    ...(reasons.length > 0 && { reasons }),
    ...(comments.length > 0 && { comment: comments.join("\n") }),
  };
}

function convert(row: Row, place: RowPlace, questions: Questions) {
  const { item, judgements } = judge(row, place, questions);
  const human = judgements.filter(({ annotator, outcome }) => annotator.kind === "human" && outcome);
  const [first, second] = item!.candidates;
  if (
    second === undefined ||
    item!.candidates.length > 2 ||
    !human.some(({ outcome }) => outcome?.type === "pair")
  )
    throw new RowProblem("no answer that ranks two fields; only such questions give pairs");
  const votes = human.flatMap(({ annotator, outcome }): Vote[] =>
    outcome?.type !== "pair"
      ? []
      : [{ annotator, preferred: outcome.chosen === null ? null : outcome.chosen === first!.id ? 0 : 1 }],
  );
  const answers: [Message[], Message[]] = [first!.messages, second.messages];
  return [majorityPreference({ prompt: item!.prompt, answers, votes }, place)];
}

const conversion =
  "submitted answers that rank or name two fields; the majority decides, ties are set aside; discarded answers are skips, drafts none";

export const argilla = defineFormat<"preference">({
  title: "Argilla 2 records",
  kind: "preference",
  conversion,
  matches: (row) =>
    Object.keys(row).some((name) => name.endsWith(".responses") && row[`${name}.status`] !== undefined),
  judge: (row, place) => judge(row, place, questionsOf2(row)),
  convert: (row, place) => convert(row, place, questionsOf2(row)),
});

export const argilla1 = defineFormat<"preference">({
  title: "Argilla 1 records",
  kind: "preference",
  conversion,
  matches: (row) => has(row, "external_id") && Object.keys(row).some((name) => name.endsWith("-suggestion")),
  judge: (row, place) => judge(row, place, questionsOf1(row)),
  convert: (row, place) => convert(row, place, questionsOf1(row)),
});
