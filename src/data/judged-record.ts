/**
 * Records of training as things to judge: an item with its answers, and the file's own label as a judgement. Knows no format and
 * no store.
 */
import type {
  Demonstration,
  Item,
  Judgement,
  Message,
  Preference,
  Stepwise,
  Text,
  Trajectory,
  Unpaired,
} from "../records/index.js";
import { RowSetAside, type Judged, type RecordKind, type RecordKinds } from "./formats/format.js";

/** Who is named where a file says what was chosen, and not by whom. */
export const fileAnnotator: Judgement["annotator"] = { kind: "human", id: "file-label" };

const asTurns = (text: Text, role: string): Message[] =>
  typeof text === "string" ? (text === "" ? [] : [{ role, content: text }]) : text;

interface Answers {
  tools?: Item["tools"];
  prompt: Text;
  answers: readonly Text[];
  outcome?: Judgement["outcome"];
  annotator?: Judgement["annotator"];
  /** Kept with the first answer; annotators never see it. */
  meta?: Record<string, unknown> | undefined;
}

const ids = ["a", "b"] as const;

function judged(
  id: string,
  { tools, prompt, answers, outcome, annotator = fileAnnotator, meta }: Answers,
): Judged {
  const item: Item = {
    id,
    project: "default",
    prompt: asTurns(prompt, "user"),
    ...(tools && { tools }),
    candidates: answers.map((text, k) => ({
      id: ids[k]!,
      messages: asTurns(text, "assistant"),
      ...(k === 0 && meta && { meta }),
    })),
  };
  const judgement = outcome && {
    id: `${id}#1`,
    item: id,
    annotator,
    outcome,
    status: "submitted" as const,
  };
  return { item, judgements: judgement === undefined ? [] : [judgement] };
}

type Converters = {
  [K in Exclude<RecordKind, "prompt">]: (record: RecordKinds[K]) => Judged;
};

const converters: Converters = {
  preference: ({ id, prompt, chosen, rejected, tools, extra }: Preference) =>
    judged(id, {
      tools,
      prompt,
      answers: [chosen, rejected],
      outcome: { type: "pair", chosen: "a", rejected: "b" },
      meta: extra,
    }),
  unpaired: ({ id, prompt, completion, label, tools, extra }: Unpaired) =>
    judged(id, {
      tools,
      prompt,
      answers: [completion],
      outcome: { type: "rate", candidate: "a", score: label ? 1 : 0 },
      meta: extra,
    }),
  stepwise: ({ id, prompt, completions, labels, extra }: Stepwise) =>
    judged(id, {
      prompt,
      // A step is a message: its own line breaks must not make steps of it.
      answers: [completions.map((content) => ({ role: "assistant", content }))],
      outcome: { type: "step", candidate: "a", labels: labels.map((right) => (right ? 1 : -1)) },
      meta: extra,
    }),
  demonstration: (record: Demonstration) => {
    if ("text" in record) throw new RowSetAside("a plain text: there is no answer in it to judge");
    const { id, tools, extra } = record;
    if ("prompt" in record)
      return judged(id, { tools, prompt: record.prompt, answers: [record.completion], meta: extra });
    const last = record.messages.findLastIndex(({ role }) => role === "user") + 1;
    return judged(id, {
      tools,
      prompt: record.messages.slice(0, last),
      answers: [record.messages.slice(last)],
      meta: extra,
    });
  },
  trajectory: ({ id, task, trial, messages, tools, reward, extra }: Trajectory) => {
    const start = messages.findIndex(({ role }) => role === "assistant");
    if (start < 0) throw new RowSetAside("a trajectory in which the agent does nothing");
    const result = judged(id, {
      tools,
      prompt: messages.slice(0, start),
      answers: [messages.slice(start)],
      meta: { ...extra, ...(trial !== undefined && { trial }), ...(reward != null && { reward }) },
      ...(reward != null && {
        annotator: { kind: "rule", id: "reward" },
        outcome: { type: "rate", candidate: "a", score: reward },
      }),
    });
    return { ...result, item: { ...result.item!, group: task } };
  },
};

/** Throws RowSetAside for what has no answer to judge. */
export function judgedRecord<K extends RecordKind>(kind: K, record: RecordKinds[K]): Judged {
  if (kind === "prompt") throw new RowSetAside("a prompt without answers: attune pairs makes some");
  const convert = converters[kind as Exclude<K, "prompt">] as (record: RecordKinds[K]) => Judged;
  return convert(record);
}

/** Two runs at one task become a pair; the reward, where they differ in it, is the judgement of a rule. */
export function pairOfRuns(first: Judged, second: Judged): Judged {
  const [a, b] = [first.item!, second.item!];
  const candidates = [
    { ...a.candidates[0]!, id: "a" },
    { ...b.candidates[0]!, id: "b" },
  ];
  const scores = [first, second].map(({ judgements }) => {
    const outcome = judgements[0]?.outcome;
    return outcome?.type === "rate" ? outcome.score : undefined;
  });
  const [x, y] = scores;
  const known = x !== undefined && y !== undefined;
  const won = known && x !== y ? (x > y ? ids : ids.toReversed()) : undefined;
  return {
    item: { ...a, candidates },
    judgements: known
      ? [
          {
            ...first.judgements[0]!,
            outcome: { type: "pair", chosen: won?.[0] ?? null, rejected: won?.[1] ?? null },
            ...(won === undefined && { tie: "equal" as const }),
          },
        ]
      : [],
  };
}
