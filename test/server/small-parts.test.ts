/** Parts that need no server: codes that open the page, the pace of progress, buckets, letters, divergence, agreement in words. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agreementOf } from "../../src/server/agreement.js";
import { ProjectSettings, type Answer } from "../../src/server/api-schemas.js";
import { checkAnswer } from "../../src/server/check-answer.js";
import { groupAgreementOf } from "../../src/server/group-agreement.js";
import { leaderboardOf } from "../../src/server/leaderboard.js";
import { idOfLetter, letterOf, renameCandidates } from "../../src/server/letters.js";
import { logLines } from "../../src/server/log.js";
import { createOpenings } from "../../src/server/openings.js";
import { createProgressFeed } from "../../src/server/progress-feed.js";
import { createRateLimit } from "../../src/server/rate-limit.js";
import { divergenceOf } from "../../src/server/shown-item.js";
import type { Pattern } from "../../src/store/index.js";
import { shownMessage } from "../../src/server/shown-message.js";

it("codes that open the page work once, and for a minute", () => {
  let at = 0;
  const openings = createOpenings(() => at);
  const [used, late] = [openings.make(), openings.make()];
  expect([openings.take("another"), openings.take(used), openings.take(used)]).toEqual([false, true, false]);
  at = 60_000;
  expect(openings.take(late)).toBe(false);
});

describe("the feed of progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("reads once for all listeners, tells what changed, at most once a second", async () => {
    const state = { items: 9, complete: 0, judgements: 0, wanted: 9, annotators: 1, leases: 0 };
    let reads = 0;
    const feed = createProgressFeed({ read: () => Promise.resolve(((reads += 1), { ...state })) });
    const heard: [string, number, number][] = [];
    const stop = ["a", "b"].map((name) =>
      feed.listen("p", ({ judgements }) => heard.push([name, judgements, Date.now()])),
    );
    await vi.advanceTimersByTimeAsync(0);
    expect(heard.map(([name, n]) => [name, n])).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
    for (let k = 0; k < 50; k += 1) {
      state.judgements += 1;
      feed.changed("p");
      await vi.advanceTimersByTimeAsync(100);
    }
    const times = heard.filter(([name]) => name === "a").map(([, , at]) => at);
    expect(times.length).toBeGreaterThanOrEqual(5);
    for (const [k, at] of times.slice(1).entries()) expect(at - times[k]!).toBeGreaterThanOrEqual(980);
    expect(reads).toBe(times.length);
    const before = heard.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(heard.length).toBeLessThanOrEqual(before + 2);
    stop.forEach((each) => each());
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("a bucket lets a burst through, then its pace, and a flood of names costs no memory and pushes out no caller", () => {
  let time = 0;
  const limit = createRateLimit({ burst: 3, perSecond: 2, now: () => time });
  expect([1, 2, 3, 4].map(() => limit.take("a"))).toEqual([0, 0, 0, 1]);
  expect(limit.take("b")).toBe(0);
  time += 500;
  expect([limit.take("a"), limit.take("a")]).toEqual([0, 1]);
  for (let k = 0; k < 60_000; k += 1) {
    limit.take(`name ${k}`);
    if (k % 10_000 === 0) expect(limit.look("a")).toBe(1);
  }
});

describe("letters", () => {
  it("stand for candidates by the place in which they were shown", () => {
    const shown = ["gpt", "llama", "own"];
    const answer = {
      outcome: { type: "rank" as const, order: [["B"], ["A", "C"]] },
      attributes: { kind: { A: 1, C: 4 } },
    };
    expect(renameCandidates(answer, idOfLetter(shown))).toEqual({
      outcome: { type: "rank", order: [["llama"], ["gpt", "own"]] },
      attributes: { kind: { gpt: 1, own: 4 } },
    });
    expect(() => idOfLetter(shown)("D")).toThrow(/A, B, C, got D/);
    expect([0, 25, 26].map(letterOf)).toEqual(["A", "Z", "C27"]);
  });
});

describe("an answer", () => {
  const wrong = (given: Answer, settings: Partial<ProjectSettings>): string => {
    try {
      checkAnswer(given, { settings: ProjectSettings.parse(settings), candidates: ["A", "B", "C"] });
      return "";
    } catch (cause) {
      return (cause as Error).message;
    }
  };
  const rank = (order: string[][]): Answer => ({ outcome: { type: "rank", order } });
  const rate = (score: number): Answer => ({ outcome: { type: "rate", candidate: "A", score } });

  it("ranks in places that hold somebody, so that one ranking is one category", () => {
    expect(wrong(rank([["B"], ["A", "C"]]), { task: "rank" })).toBe("");
    expect(wrong(rank([["B"], [], ["A"]]), { task: "rank" })).toContain("an empty one");
  });

  it("that is wrong a million times over is told of in a line", () => {
    const message = wrong(rank(Array.from({ length: 1_000_000 }, () => ["A"])), { task: "rank" });
    expect(message).toContain("each candidate once");
    expect(message.length).toBeLessThan(1000);
  });

  it("scores within the scale", () => {
    const attributes = [{ name: "help", min: 0, max: 4 }];
    expect(wrong(rate(2.5), { task: "rate" })).toBe("");
    expect(wrong(rate(5.5), { task: "rate" })).toContain("a score from 1 to 5");
    expect(wrong(rate(0), { task: "rate", attributes })).toBe("");
    expect(wrong(rate(1e300), { task: "rate", attributes })).toContain("a score from 0 to 4");
  });
});

it("two runs part at their first different message", () => {
  const say = (content: string) => ({ role: "assistant", content });
  expect(
    divergenceOf([
      [say("a"), say("b")],
      [say("a"), say("c")],
    ]),
  ).toBe(1);
  expect(divergenceOf([[say("a")], [say("a"), say("c")]])).toBe(1);
  expect(divergenceOf([[say("a")], [say("a")]])).toBeNull();
});

it("a message shows what the page shows, and not who wrote it", () => {
  const message = {
    role: "assistant",
    name: "gpt-9",
    content: "hi",
    model: "gpt-9",
    thinking: "hm",
    usage: { cost: 1 },
  };
  expect(shownMessage(message)).toEqual({ role: "assistant", content: "hi", thinking: "hm" });
  expect(shownMessage({ role: "tool", name: "search", content: "found", is_error: false })).toEqual({
    role: "tool",
    name: "search",
    content: "found",
    is_error: false,
  });
});

it("a line of the log stays one line", () => {
  const lines: string[] = [];
  logLines(
    (line) => lines.push(line),
    () => new Date(0),
  )({ level: "warn", event: "refused", path: '/a\n{"level":"info"}\u2028' });
  expect(lines.join("").trimEnd().split("\n")).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    time: "1970-01-01T00:00:00.000Z",
    path: '/a\n{"level":"info"}\u2028',
  });
});

describe("agreement", () => {
  const person = (sums: Record<string, number>) => ({
    annotator: "a",
    role: "annotator",
    quota: null,
    disabled: false,
    last_at: null,
    groups: null,
    sums,
  });
  const settings = { task: "pair" as const, overlap: 2 };

  it("is the textbook's on counts", () => {
    // Forty items judged twice: 30 alike on the first, 4 on the second, 6 split.
    const patterns: Pattern[] = [
      { tally: { first: 2 }, items: 30 },
      { tally: { second: 2 }, items: 4 },
      { tally: { first: 1, second: 1 }, items: 6 },
    ];
    const found = agreementOf({
      patterns,
      people: [person({ judgements: 80, left: 45, right: 35 })],
      settings,
    });
    expect(found.percent.value).toBeCloseTo(34 / 40, 12);
    // Scott's pi of 66 and 14 labels; alpha adds the small-sample correction.
    const expected = (66 * 66 + 14 * 14) / 80 ** 2;
    expect(found.fleiss.value).toBeCloseTo((34 / 40 - expected) / (1 - expected), 12);
    expect(found.alpha.value).toBeCloseTo(1 - (79 * 6) / (66 * 14), 12);
    expect(found.left).toMatchObject({ value: 45 / 80 });
    expect(found.left.p).toBeGreaterThan(0.2);
    expect(found.ceiling.value).toBeCloseTo((1 + Math.sqrt(2 * (34 / 40) - 1)) / 2, 12);
    expect(found.categories).toEqual([
      { name: "first", count: 66 },
      { name: "second", count: 14 },
    ]);
  });

  it("says why it is undefined rather than giving a number", () => {
    const once = agreementOf({
      patterns: [{ tally: { first: 1 }, items: 9 }],
      people: [],
      settings: { ...settings, overlap: 1 },
    });
    expect(once.alpha).toMatchObject({ value: null, note: expect.stringMatching(/two people/) });
    expect(once.words.join(" ")).toMatch(/ask for two judgements/);
    const empty = agreementOf({ patterns: [], people: [], settings });
    expect(empty).toMatchObject({
      items: 0,
      judgements: 0,
      percent: { value: null },
      left: { value: null, p: null },
    });
  });

  it("within groups of items is that of each group's own items, the most judged fifty", () => {
    const one = { tally: { first: 2 }, items: 3 };
    const split = { tally: { first: 1, second: 1 }, items: 1 };
    const patterns = [
      { group: "b", ...one },
      { group: "a", ...one },
      { group: "a", ...split },
      ...Array.from({ length: 60 }, (_, k) => ({ group: `c${k}`, tally: { first: 1 }, items: 1 })),
    ];
    const people = [person({}), { ...person({}), groups: ["a"] }, { ...person({}), groups: ["a", "b"] }];
    const found = groupAgreementOf({ patterns, people });
    expect(found.left_out).toBe(12);
    expect(found.groups).toHaveLength(50);
    expect(found.groups.slice(0, 3)).toMatchObject([
      { group: "a", items: 4, judgements: 8, annotators: 2, percent: { value: 0.75 } },
      { group: "b", items: 3, judgements: 6, annotators: 1, percent: { value: 1 }, alpha: { value: null } },
      { group: "c0", items: 1, judgements: 1, annotators: 0, percent: { value: null } },
    ]);
    expect(groupAgreementOf({ patterns: [], people })).toEqual({ groups: [], left_out: 0 });
  });

  it("of a million judgements costs the processor less than a second", () => {
    const patterns = Array.from({ length: 400 }, (_, k) => ({
      tally: { first: k % 20, second: Math.floor(k / 20), tie: k % 3 },
      items: 2500,
    }));
    const began = process.cpuUsage();
    agreementOf({ patterns, people: [], settings });
    const { user, system } = process.cpuUsage(began);
    // Measured at 0.7 s; the machines that run this differ.
    expect((user + system) / 1e6).toBeLessThan(5);
  });
});

describe("the leaderboard", () => {
  it("ranks by strength, with ties as half a win", () => {
    const board = leaderboardOf([
      { first: "a", second: "b", first_wins: 6, second_wins: 2, ties: 2 },
      { first: "b", second: "c", first_wins: 6, second_wins: 3, ties: 0 },
    ]);
    expect(board.rows.map(({ model }) => model)).toEqual(["a", "b", "c"]);
    expect(board.rows[0]!.strength - board.rows[1]!.strength).toBeCloseTo(Math.log(7 / 3), 6);
    expect(board.rows[1]).toMatchObject({ comparisons: 19, wins: 8, ties: 2 });
  });

  it("keeps who never lost finite, and says so; ranks nothing where there is nothing", () => {
    const board = leaderboardOf([{ first: "a", second: "b", first_wins: 5, second_wins: 0, ties: 0 }]);
    expect(board.rows.every(({ low, high }) => Number.isFinite(low) && Number.isFinite(high))).toBe(true);
    expect(board.words.join(" ")).toMatch(/prior/);
    expect(leaderboardOf([]).rows).toEqual([]);
  });
});
