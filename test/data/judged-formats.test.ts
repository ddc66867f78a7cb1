/** What formats of judgements give to the store: items, who said what, decisions. */
import { describe, expect, test } from "vitest";
import { formats } from "../../src/data/index.js";

const place = { id: "f:1", source: "/f:1" };
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

describe("judged formats", () => {
  test("give the item and every judgement", () => {
    const { item, judgements } = formats.pandalm.judge!(
      { instruction: "q", input: "i", response1: "a", response2: "b", annotator1: 1, annotator2: 0 },
      place,
    );
    expect(item!.prompt).toEqual([user("q\ni")]);
    expect(item!.candidates.map((each) => each.id)).toEqual(["a", "b"]);
    expect(judgements.map((each) => [each.annotator.id, each.outcome, each.tie ?? null])).toEqual([
      ["annotator1", { type: "pair", chosen: "a", rejected: "b" }, null],
      ["annotator2", { type: "pair", chosen: null, rejected: null }, "equal"],
    ]);
    const arena = formats.arena.judge!(
      {
        model_a: "m",
        model_b: "n",
        winner: "both_bad",
        conversation_a: [user("q"), assistant("a")],
        conversation_b: [user("q"), assistant("b")],
      },
      place,
    );
    expect(arena.item!.candidates.map((each) => [each.source?.model, each.messages])).toEqual([
      ["m", [assistant("a")]],
      ["n", [assistant("b")]],
    ]);
    expect(arena.judgements[0]!.tie).toBe("both_bad");
  });

  test("take a Label Studio Ranker's order, a rating beside it, and who cancelled", () => {
    const ranked = (order: object, more: object = {}) => ({
      completed_by: { id: 7, email: "ada@example.org" },
      created_at: "2026-01-02T03:04:05Z",
      lead_time: 12.5,
      result: [{ from_name: "rank", to_name: "list", type: "ranker", value: { ranker: order } }],
      ...more,
    });
    const row = {
      data: {
        prompt: "q",
        items: [
          { id: "llm_1", body: "a" },
          { id: "llm_2", body: "b" },
          { id: "llm_3", body: "c" },
        ],
      },
      annotations: [
        ranked({ _: ["llm_2", "llm_1", "llm_3"] }),
        ranked({ _: ["llm_1", "llm_2", "llm_3"] }, { completed_by: 8, was_cancelled: true }),
      ],
      predictions: [ranked({ _: ["llm_3", "llm_1", "llm_2"] }, { model_version: "m-1" })],
    };
    const { item, judgements } = formats["label-studio"].judge!(row, place);
    expect(item!.candidates).toEqual([
      { id: "llm_1", messages: [assistant("a")] },
      { id: "llm_2", messages: [assistant("b")] },
      { id: "llm_3", messages: [assistant("c")] },
    ]);
    expect(judgements).toMatchObject([
      {
        annotator: { kind: "human", id: "ada@example.org" },
        outcome: { type: "rank", order: [["llm_2"], ["llm_1"], ["llm_3"]] },
        active_ms: 12_500,
      },
      { annotator: { kind: "human", id: "8" }, skipped: { reason: "cancelled" } },
      {
        annotator: { kind: "model", id: "m-1" },
        outcome: { type: "rank", order: [["llm_3"], ["llm_1"], ["llm_2"]] },
      },
    ]);
    // Nobody wrote down whether what is in a bucket is better or worse than the rest.
    const bucketed = { ...row, annotations: [ranked({ _: ["llm_2", "llm_1"], bucket: ["llm_3"] })] };
    expect(() => formats["label-studio"].judge!(bucketed, place)).toThrow(/several buckets/);
    expect(() => formats["label-studio"].judge!({ ...row, data: { prompt: "q" } }, place)).toThrow(
      /no list of objects with ids/,
    );
  });

  test("take LangSmith's outermost run with its feedback, and set the steps inside it aside", () => {
    const run = {
      id: "1",
      run_type: "chain",
      trace_id: "1",
      dotted_order: "x",
      parent_run_id: null,
      inputs: { messages: [user("q")] },
      outputs: { messages: [user("q"), assistant("a")] },
      extra: { metadata: { ls_model_name: "m" } },
      feedback_stats: { helpful: { n: 2, avg: 0.5 }, note: { n: 1, avg: null } },
    };
    const { judge } = formats["langsmith-runs"];
    const { item, judgements } = judge!(run, place);
    // The output repeats the conversation; the answer is what it adds.
    expect(item).toMatchObject({
      prompt: [user("q")],
      candidates: [{ id: "a", source: { model: "m" }, messages: [assistant("a")] }],
    });
    expect(judgements).toMatchObject([
      {
        annotator: { kind: "rule", id: "langsmith-helpful" },
        outcome: { type: "rate", candidate: "a", score: 0.5 },
        attributes: { helpful: { a: 0.5 } },
      },
    ]);
    expect(() => judge!({ ...run, parent_run_id: "0" }, place)).toThrow(/a step of a run/);
    expect(() => judge!({ ...run, outputs: null }, place)).toThrow(/no answer/);
  });
});
