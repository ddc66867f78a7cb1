/** Judgements that are not the usual pair: a choice between two of three candidates, and one whose sides nobody wrote down. */
import { expect, it } from "vitest";
import { shownPairs } from "../../src/cli/store/judged-rows.js";
import { convertItem, type ConvertOptions } from "../../src/store/export/convert.js";
import type { ExportedItem } from "../../src/store/reading.js";
import { sumChanges } from "../../src/store/tallies.js";

const candidates = ["x", "y", "z"].map((id) => ({
  id,
  source: { model: `model-${id}` },
  messages: [{ role: "assistant", content: id }],
}));
const outcome = { type: "pair" as const, chosen: "x", rejected: "z" };
const item: ExportedItem = {
  id: "i",
  seq: "1",
  role: "task",
  prompt: [{ role: "user", content: "q" }],
  tools: null,
  gold: null,
  candidates,
  valid: 1,
  tally: { first: 1 },
  adjudicated: null,
  item_group: null,
  uncertainty: null,
  selection: null,
  answers: [{ annotator: "me", answer: { outcome }, category: "first", probability: 1 }],
};
const options: ConvertOptions = {
  ties: "drop",
  votes: "majority",
  softLabels: false,
  margin: "none",
  neutral: "positive",
  strengths: false,
};
const texts = (messages: unknown): string => (messages as { content: string }[])[0]!.content;

it("a choice between two of three says nothing of the third as a pair for training", () => {
  const { rows } = convertItem(item, "preference", options);
  expect(rows.map(({ chosen, rejected }) => [texts(chosen), texts(rejected)])).toEqual([["x", "z"]]);
});

it("a choice between two of three says nothing of the third as a thumb for training", () => {
  const { rows } = convertItem(item, "unpaired", options);
  expect(rows.map(({ completion, label }) => [texts(completion), label])).toEqual([
    ["x", true],
    ["z", false],
  ]);
});

it("a choice between two of three says nothing of the third as a comparison of models", () => {
  const judgement = {
    id: "j",
    item: "i",
    annotator: { kind: "human" as const, id: "me" },
    outcome,
    status: "submitted" as const,
  };
  const record = { id: "i", project: "p", prompt: item.prompt, candidates };
  const pairs = shownPairs({ items: new Map([["i", record]]), judgements: [judgement] });
  expect(pairs.map(({ model_a: a, model_b: b, winner }) => [a, b, winner])).toEqual([
    ["model-x", "model-z", "model_a"],
  ]);
});

it("a choice whose sides nobody wrote down counts as neither left nor right", () => {
  const changes = sumChanges({
    project: "p",
    item: "i",
    annotator: "me",
    purpose: "task",
    category: "skip",
    replaces: "first",
    candidates: candidates.map(({ id }) => ({ id, model: null })),
    shown_order: [],
    gold: null,
    late: false,
    active_ms: undefined,
  });
  expect(changes).toEqual({ skip: 1 });
});
