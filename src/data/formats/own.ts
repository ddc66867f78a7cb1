/**
 * Our own records of judging: a dump as `attune export --to dump` writes it (project, items, judgements, decisions, told apart by
 * `type`), and files of items or judgements alone.
 */
import { Item, Judgement } from "../../records/index.js";
import {
  checked,
  defineFormat,
  has,
  isObject,
  isText,
  needObject,
  needText,
  optionalText,
  RowProblem,
  type Judged,
  type Row,
  type RowPlace,
} from "./format.js";

const known = (row: object, shape: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).filter(([name, value]) => name in shape && value !== null));

const readItem = (row: Row, place: RowPlace): Judged => ({
  item: checked(Item, { id: place.id, ...known(row, Item.shape) }),
  judgements: [],
});

const readJudgement = (row: Row, place: RowPlace): Judged => ({
  judgements: [checked(Judgement, { id: place.id, ...known(row, Judgement.shape) })],
});

const Answer = Judgement.pick({
  outcome: true,
  strength: true,
  tie: true,
  attributes: true,
  reasons: true,
  comment: true,
  skipped: true,
});

function readDecision(row: Row): Judged {
  const reason = optionalText(row, "reason");
  return {
    judgements: [],
    decision: {
      item: needText(row, "item"),
      annotator: needText(row, "decided_by"),
      answer: checked(Answer, needObject(row, "answer")),
      ...(reason !== undefined && { reason }),
    },
  };
}

function readProject(row: Row): Judged {
  const guidelines = Array.isArray(row["guidelines"]) ? row["guidelines"].filter(isText) : [];
  return { judgements: [], project: { settings: needObject(row, "settings"), guidelines } };
}

export const attuneDump = defineFormat({
  title: "dump of a project (our own)",
  kind: undefined,
  conversion: "nothing is lost: attune import takes it back; to train on it, export what was judged",
  matches: (row) => isText(row["type"]) && /^(project|item|judgement|decision)$/.test(row["type"]),
  judge: (row, place) => {
    switch (row["type"]) {
      case "project":
        return readProject(row);
      case "item":
        return readItem(row, place);
      case "judgement":
        return readJudgement(row, place);
      case "decision":
        return readDecision(row);
      default:
        throw new RowProblem(
          `\`type\`: expected project, item, judgement or decision, got ${String(row["type"])}`,
        );
    }
  },
});

export const attuneItem = defineFormat({
  title: "items to judge (our own record)",
  kind: undefined,
  conversion: "items are kept as they are; attune import takes them to be judged",
  matches: (row) =>
    Array.isArray(row["candidates"]) &&
    Array.isArray(row["prompt"]) &&
    row["candidates"].every(
      (each) => isObject(each) && isText(each["id"]) && Array.isArray(each["messages"]),
    ),
  judge: readItem,
});

export const attuneJudgement = defineFormat({
  title: "judgements (our own record)",
  kind: undefined,
  conversion: "judgements are kept as they are; attune import takes them for items that the project has",
  matches: (row) =>
    has(row, "item", "annotator") &&
    isObject(row["annotator"]) &&
    (isObject(row["outcome"]) || isObject(row["skipped"])),
  judge: readJudgement,
});
