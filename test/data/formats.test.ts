/** Every format of the data reader, detected and read. Long because it is one table: a case for each format. */
import { describe, expect, test } from "vitest";

import {
  asRow,
  detectRows,
  formatNames,
  formats,
  type Format,
  type FormatName,
} from "../../src/data/index.js";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const human = (value: string) => ({ from: "human", value });
const gpt = (value: string) => ({ from: "gpt", value });
const call = { type: "function", function: { name: "f", arguments: { x: 1 } } };
const callText = { id: "c", type: "function", function: { name: "f", arguments: '{"x":1}' } };

const place = { id: "f:1", source: "/f:1" };
const chat = { prompt: [user("q")], chosen: [assistant("a")], rejected: [assistant("b")] };

/** For each format a row as its makers write it, and the records it gives (ids and sources left out). */
const samples: {
  readonly [Name in FormatName]: readonly (readonly [row: unknown, records: readonly object[] | undefined])[];
} = {
  "trl-preference": [
    [
      { prompt: "The sky is", chosen: " blue.", rejected: " green." },
      [{ prompt: "The sky is", chosen: " blue.", rejected: " green." }],
    ],
    [{ ...chat, margin: 0.5, tools: "[]", note: 1 }, [{ ...chat, margin: 0.5, extra: { note: 1 } }]],
    [{ prompt: [user("q")], chosen: "a", rejected: "b" }, [chat]],
    [{ prompt: "q", chosen: [assistant("a")], rejected: [assistant("b")] }, [chat]],
    [
      { prompt: [user("q")], chosen: [user("q"), assistant("a")], rejected: [user("q"), assistant("b")] },
      [chat],
    ],
  ],
  "trl-preference-implicit": [
    [
      { chosen: "The sky is blue.", rejected: "The sky is green." },
      [{ prompt: "The sky is", chosen: " blue.", rejected: " green." }],
    ],
    [{ chosen: [user("q"), assistant("a")], rejected: [user("q"), assistant("b")] }, [chat]],
  ],
  "trl-unpaired": [
    [{ prompt: "p", completion: "c", label: true }, [{ prompt: "p", completion: "c", label: true }]],
    [
      { prompt: [user("q")], completion: [assistant("a")], label: 0 },
      [{ prompt: [user("q")], completion: [assistant("a")], label: false }],
    ],
  ],
  "trl-stepwise": [
    [
      { prompt: "p", completions: ["s", "t"], labels: [true, false] },
      [{ prompt: "p", completions: ["s", "t"], labels: [true, false] }],
    ],
  ],
  "trl-prompt-completion": [[{ prompt: "p", completion: "c" }, [{ prompt: "p", completion: "c" }]]],
  "trl-messages": [
    [{ messages: [user("q"), assistant("a")] }, [{ messages: [user("q"), assistant("a")] }]],
    [
      {
        messages: [
          user("q"),
          { role: "assistant", tool_calls: [call] },
          { role: "tool", name: "f", content: "1" },
        ],
        tools: [{ type: "function", function: { name: "f" } }],
      },
      [
        {
          messages: [
            user("q"),
            { role: "assistant", tool_calls: [call] },
            { role: "tool", name: "f", content: "1" },
          ],
          tools: [{ type: "function", function: { name: "f" } }],
        },
      ],
    ],
    [[user("q"), assistant("a")], [{ messages: [user("q"), assistant("a")] }]],
  ],
  "trl-text": [[{ text: "t" }, [{ text: "t" }]]],
  "trl-prompt-only": [
    [{ prompt: [user("q")], answer: "4" }, [{ prompt: [user("q")], extra: { answer: "4" } }]],
  ],
  verl: [
    [
      {
        data_source: "gsm8k",
        prompt: [user("q")],
        ability: "math",
        reward_model: { style: "rule", ground_truth: "4" },
      },
      [
        {
          prompt: [user("q")],
          extra: {
            data_source: "gsm8k",
            ability: "math",
            reward_model: { style: "rule", ground_truth: "4" },
          },
        },
      ],
    ],
  ],
  "hh-rlhf": [[{ chosen: "\n\nHuman: q\n\nAssistant: a", rejected: "\n\nHuman: q\n\nAssistant: b" }, [chat]]],
  "hh-red-team": [
    [{ transcript: "\n\nHuman: q", min_harmlessness_score_transcript: -1, rating: 4 }, undefined],
  ],
  "openai-preference": [
    [
      {
        input: { messages: [user("q")], tools: [], parallel_tool_calls: true },
        preferred_output: [assistant("a")],
        non_preferred_output: [assistant("b")],
      },
      [chat],
    ],
    [
      {
        input: { messages: [user("q")] },
        preferred_completion: [assistant("a")],
        non_preferred_completion: [assistant("b")],
      },
      [chat],
    ],
  ],
  "openai-chat": [
    [
      {
        messages: [
          user("q"),
          { role: "assistant", content: null, tool_calls: [callText] },
          { role: "tool", tool_call_id: "c", content: "1" },
          { ...assistant("a"), weight: 1 },
        ],
      },
      [
        {
          messages: [
            user("q"),
            { role: "assistant", tool_calls: [{ ...call, id: "c" }] },
            { role: "tool", tool_call_id: "c", content: "1" },
            { ...assistant("a"), weight: 1 },
          ],
        },
      ],
    ],
  ],
  alpaca: [
    [
      { instruction: "do", input: "this", output: "done", system: "s", history: [["x", "y"]] },
      [
        {
          prompt: [{ role: "system", content: "s" }, user("x"), assistant("y"), user("do\nthis")],
          completion: [assistant("done")],
        },
      ],
    ],
  ],
  "alpaca-preference": [[{ instruction: "q", input: "", chosen: "a", rejected: "b" }, [chat]]],
  "alpaca-kto": [
    [
      { instruction: "q", output: "a", kto_tag: true },
      [{ prompt: [user("q")], completion: [assistant("a")], label: true }],
    ],
  ],
  sharegpt: [
    [
      {
        conversations: [
          human("q"),
          { from: "function_call", value: '{"name":"f","arguments":{"x":1}}' },
          { from: "observation", value: "1" },
          gpt("a"),
        ],
        tools: '[{"name":"f","parameters":{}}]',
      },
      [
        {
          messages: [
            user("q"),
            { role: "assistant", tool_calls: [call] },
            { role: "tool", content: "1" },
            assistant("a"),
          ],
          tools: [{ type: "function", function: { name: "f", parameters: {} } }],
        },
      ],
    ],
  ],
  "sharegpt-preference": [[{ conversations: [human("q")], chosen: gpt("a"), rejected: gpt("b") }, [chat]]],
  "sharegpt-kto": [
    [
      { conversations: [human("q"), gpt("a")], kto_tag: false },
      [{ prompt: [user("q")], completion: [assistant("a")], label: false }],
    ],
    [
      { messages: [user("q"), assistant("a")], label: true },
      [{ prompt: [user("q")], completion: [assistant("a")], label: true }],
    ],
  ],
  "llama-factory-v1": [
    [
      {
        messages: [
          { role: "user", content: [{ type: "text", value: "q" }], loss_weight: 0 },
          { role: "assistant", content: [{ type: "text", value: "a" }], loss_weight: 1 },
        ],
      },
      [{ messages: [user("q"), assistant("a")] }],
    ],
  ],
  "llama-factory-v1-preference": [
    [
      {
        chosen_messages: [
          { role: "user", content: [{ type: "text", value: "q" }] },
          { role: "assistant", content: [{ type: "text", value: "a" }] },
        ],
        rejected_messages: [
          { role: "user", content: [{ type: "text", value: "q" }] },
          { role: "assistant", content: [{ type: "text", value: "b" }] },
        ],
      },
      [chat],
    ],
  ],
  "llama-factory-info": [[{ demo: { file_name: "x.json" }, other: { hf_hub_url: "a/b" } }, undefined]],
  "orca-pairs": [[{ system: "", question: "q", chosen: "a", rejected: "b" }, [chat]]],
  ultrafeedback: [
    [
      {
        source: "x",
        instruction: "q",
        completions: [
          {
            model: "m",
            response: "b",
            annotations: { honesty: { Rating: "2" }, helpfulness: { Rating: "N/A" } },
            overall_score: 10,
          },
          {
            model: "n",
            response: "a",
            annotations: { honesty: { Rating: "5" }, helpfulness: { Rating: "4" } },
            overall_score: 8,
          },
        ],
      },
      [
        {
          ...chat,
          extra: {
            score_chosen: 4.5,
            score_rejected: 2,
            model_chosen: "n",
            model_rejected: "m",
            source: "x",
          },
        },
      ],
    ],
  ],
  "ultrafeedback-binarized": [
    [
      {
        prompt: "q",
        prompt_id: "1",
        chosen: [user("q"), assistant("a")],
        rejected: [user("q"), assistant("b")],
        messages: [],
        score_chosen: 8,
        score_rejected: 5,
      },
      [{ ...chat, extra: { prompt_id: "1", score_chosen: 8, score_rejected: 5 } }],
    ],
  ],
  helpsteer3: [
    [
      {
        domain: "code",
        context: [user("q")],
        response1: "a",
        response2: "b",
        overall_preference: -2,
        individual_preference: [],
      },
      [{ ...chat, extra: { strength: 2 } }],
    ],
    [
      { context: [user("q")], response1: "b", response2: "a", overall_preference: 1 },
      [{ ...chat, extra: { strength: 1 } }],
    ],
  ],
  pandalm: [
    [
      {
        instruction: "q",
        input: "",
        response1: "b",
        response2: "a",
        annotator1: 2,
        annotator2: 2,
        annotator3: 0,
      },
      [{ ...chat, extra: { votes: { chosen: 2, rejected: 0, ties: 1 } } }],
    ],
  ],
  arena: [
    [
      {
        model_a: "m",
        model_b: "n",
        winner: "model_b",
        conversation_a: [user("q"), { ...assistant("b"), num_tokens: 1 }],
        conversation_b: [user("q"), assistant("a")],
      },
      [chat],
    ],
  ],
  "arena-votes": [[{ model_a: "m", model_b: "n", winner: "tie" }, undefined]],
  "alpaca-eval": [
    [
      {
        instruction: "q",
        output_1: "b",
        output_2: "a",
        generator_1: "m",
        generator_2: "n",
        annotator: "gpt",
        preference: 1.9,
      },
      [chat],
    ],
  ],
  prm800k: [
    [
      {
        question: { problem: "p" },
        label: {
          steps: [
            {
              completions: [
                { text: "s", rating: 1 },
                { text: "bad", rating: -1 },
                { text: "?", rating: null },
              ],
              human_completion: null,
              chosen_completion: 0,
            },
            { completions: null, human_completion: "mine", chosen_completion: null },
            { completions: [{ text: "so-so", rating: 0 }], human_completion: null, chosen_completion: null },
          ],
        },
      },
      [
        { prompt: "p", completions: ["bad"], labels: [false], extra: { ratings: [-1] } },
        {
          prompt: "p",
          completions: ["s", "mine", "so-so"],
          labels: [true, true, false],
          extra: { ratings: [1, 1, 0] },
        },
        { prompt: "p", completions: ["s", "mine"], labels: [true, true], extra: { ratings: [1, 1] } },
      ],
    ],
  ],
  "gsm8k-solutions": [
    [
      { question: "q", ground_truth: "g", "6b": { is_correct: false, solution: "a" } },
      [
        {
          prompt: [user("q")],
          completion: [assistant("a")],
          label: false,
          extra: { model: "6b", ground_truth: "g" },
        },
      ],
    ],
  ],
  "question-answer": [
    [{ question: "q", answer: "a" }, [{ prompt: [user("q")], completion: [assistant("a")] }]],
    [{ prompt: "q", response: "a" }, [{ prompt: [user("q")], completion: [assistant("a")] }]],
  ],
  texts: [
    ["once", [{ text: "once" }]],
    [{ story: "once", source: "GPT-4" }, [{ text: "once", extra: { source: "GPT-4" } }]],
  ],
  "tau-bench": [
    [
      {
        task_id: 3,
        reward: 1,
        trial: 0,
        info: {},
        traj: [user("q"), { role: "assistant", content: null, tool_calls: [callText] }],
      },
      [
        {
          task: "3",
          reward: 1,
          trial: 0,
          extra: { info: {} },
          messages: [user("q"), { role: "assistant", tool_calls: [{ ...call, id: "c" }] }],
        },
      ],
    ],
  ],
  trajectory: [
    [
      { task: "t", messages: [user("q")], reward: null },
      [{ task: "t", messages: [user("q")], reward: null }],
    ],
  ],
  "openai-agents-trace": [[{ object: "trace.span", id: "1", span_data: { type: "agent" } }, undefined]],
  "langsmith-runs": [[{ id: "1", run_type: "llm", trace_id: "2", dotted_order: "x" }, undefined]],
  "vercel-ui-messages": [[{ id: "1", role: "user", parts: [{ type: "text", text: "q" }] }, undefined]],
  "langfuse-scores": [[{ id: "1", traceId: "2", name: "n", value: 1, dataType: "NUMERIC" }, undefined]],
  "label-studio": [
    [
      {
        id: 1,
        data: { prompt: "q", answer1: "a", answer2: "b" },
        annotations: [
          {
            completed_by: 1,
            result: [{ to_name: "answer1,answer2", type: "pairwise", value: { selected: "left" } }],
          },
        ],
      },
      [chat],
    ],
  ],
  argilla: [
    [
      {
        prompt: "q",
        response1: "a",
        response2: "b",
        "rank.responses": [
          [
            { value: "response1", rank: 1 },
            { value: "response2", rank: 2 },
          ],
          [
            { value: "response1", rank: 2 },
            { value: "response2", rank: 1 },
          ],
        ],
        "rank.responses.users": ["u", "v"],
        "rank.responses.status": ["submitted", "discarded"],
      },
      [chat],
    ],
  ],
  "argilla-1": [
    [
      {
        prompt: "q",
        response1: "a",
        response2: "b",
        external_id: "1",
        rank: [
          {
            user_id: "u",
            value: [
              { value: "response1", rank: 1 },
              { value: "response2", rank: 2 },
            ],
            status: "submitted",
          },
        ],
        "rank-suggestion": null,
      },
      [chat],
    ],
  ],
  "attune-items": [[{ id: "i", prompt: [user("q")], candidates: [{ id: "a", messages: [] }] }, undefined]],
  "attune-judgements": [
    [
      {
        item: "i",
        annotator: { kind: "human", id: "u" },
        outcome: { type: "pair", chosen: "a", rejected: "b" },
      },
      undefined,
    ],
  ],
  "attune-dump": [[{ type: "decision", item: "i", decided_by: "u", answer: {} }, undefined]],
  "langfuse-traces": [[{ id: "1", input: "q", output: "a", scores: [] }, undefined]],
  "answers-to-compare": [
    [{ prompt: "q", response_a: "a", response_b: "b", winner: "A", annotator: "u" }, [chat]],
  ],
};

const cases = formatNames.flatMap((name) =>
  samples[name].map(([row, records], index) => [`${name} ${index + 1}`, name, row, records] as const),
);

describe("every format", () => {
  test.each(cases)("%s is named and converted", (_, name, raw, records) => {
    const row = asRow(raw)!;
    expect(detectRows([row])?.format).toBe(name);
    const format: Format = formats[name];
    expect(format.kind === undefined).toBe(records === undefined);
    const converted = format.convert?.(row, place).map(({ id, source, ...rest }) => {
      expect(id).toMatch(/^f:1(#|$)/);
      expect(source).toBe("/f:1");
      return rest;
    });
    expect(converted).toEqual(records);
  });
});

const bad: readonly (readonly [name: FormatName, row: Record<string, unknown>, reason: RegExp])[] = [
  [
    "trl-preference",
    { prompt: "p", chosen: "a" },
    /^column `rejected` is missing; the row has prompt, chosen$/,
  ],
  [
    "trl-preference",
    { prompt: "p", chosen: "a", rejected: 7 },
    /^column `rejected`: expected a text or a list of messages, got a number \(7\)$/,
  ],
  ["trl-preference", { prompt: "p", chosen: "a", rejected: "" }, /^the rejected answer is empty$/],
  ["trl-preference", { prompt: "p", chosen: "a", rejected: "a" }, /^the two answers are equal$/],
  [
    "trl-preference",
    { prompt: "p", chosen: "a", rejected: "b", margin: "x" },
    /^column `margin`: expected a number/,
  ],
  [
    "trl-preference-implicit",
    { chosen: "abc", rejected: "abc def" },
    /^one answer is the beginning of the other/,
  ],
  ["trl-preference-implicit", { chosen: "", rejected: "" }, /the chosen answer is empty/],
  ["trl-messages", { messages: [user("q")] }, /no assistant message/],
  [
    "trl-messages",
    { messages: [{ role: "user", content: [{ type: "image" }] }, assistant("a")] },
    /^`messages`\[0\]: a part of type image; only text is supported$/,
  ],
  [
    "trl-unpaired",
    { prompt: "p", completion: "c", label: "good" },
    /^column `label`: expected true or false, got a text$/,
  ],
  [
    "trl-stepwise",
    { prompt: "p", completions: ["a"], labels: [true, false] },
    /as many labels as completions/,
  ],
  [
    "hh-rlhf",
    { chosen: "\n\nHuman: q\n\nAssistant: ", rejected: "\n\nHuman: q\n\nAssistant: b" },
    /^the chosen answer is empty$/,
  ],
  [
    "hh-rlhf",
    {
      chosen: "\n\nHuman: q\n\nAssistant: a\n\nHuman: r\n\nAssistant: s",
      rejected: "\n\nHuman: q\n\nAssistant: b",
    },
    /part before their last turn: 3 turns remain in chosen, 1 in rejected/,
  ],
  [
    "hh-rlhf",
    {
      chosen: "\n\nHuman: q\n\nHuman: r\n\nAssistant: a",
      rejected: "\n\nHuman: q\n\nHuman: r\n\nAssistant: b",
    },
    /turns do not alternate/,
  ],
  [
    "openai-preference",
    {
      input: { messages: [user("q")] },
      preferred_output: [assistant("a"), assistant("c")],
      non_preferred_output: [assistant("b")],
    },
    /exactly one assistant message, got 2/,
  ],
  [
    "openai-chat",
    {
      messages: [user("q"), { role: "assistant", tool_calls: [{ function: { name: "f", arguments: "{" } }] }],
    },
    /arguments: broken JSON/,
  ],
  [
    "sharegpt",
    { conversations: [human("q"), { from: "function_call", value: "f(x)" }] },
    /function call: broken JSON/,
  ],
  ["sharegpt-kto", { conversations: [human("q")], kto_tag: true }, /does not end with an assistant message/],
  [
    "arena",
    {
      conversation_a: [user("q"), assistant("a")],
      conversation_b: [user("q"), assistant("b")],
      winner: "nobody",
    },
    /expected one of model_a, .*got "nobody"/,
  ],
  [
    "arena",
    {
      conversation_a: [user("q"), assistant("a")],
      conversation_b: [user("q"), assistant("b")],
      winner: "tie (bothbad)",
    },
    /a tie/,
  ],
  ["helpsteer3", { context: [user("q")], response1: "a", response2: "b", overall_preference: 0 }, /a tie/],
  ["ultrafeedback", { source: "truthful_qa", instruction: "q", completions: [] }, /TruthfulQA/],
  [
    "argilla",
    { prompt: "q", "x.responses": [5], "x.responses.status": ["submitted"] },
    /no field with an answer: only prompt and questions are there/,
  ],
];

describe("a row that cannot be used", () => {
  test.each(bad.map((each, index) => [index, ...each] as const))(
    "%i: %s says why",
    (_, name, row, reason) => {
      const format: Format = formats[name];
      expect(() => format.convert!(row, place)).toThrow(reason);
    },
  );
});
