/** Everything that a reward can do wrong comes out as one error that names the reward and the rows. */
import { describe, expect, it } from "vitest";

import { AttuneError } from "../../src/errors.js";
import {
  eachReward,
  functionReward,
  type RawScores,
  type RewardItem,
  scoreItems,
  sumReward,
} from "../../src/rewards/index.js";

const items: RewardItem[] = ["a", "b", "c", "d"].map((id) => ({ id, prompt: "?", completion: id }));
const giving = (scores: unknown) => functionReward("mine", () => scores as RawScores);

async function errorOf(work: Promise<unknown>): Promise<AttuneError> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(AttuneError);
  return error as AttuneError;
}

describe("a reward that gives", () => {
  it.each([
    ["NaN", [1, Number.NaN, 2, Infinity], "numeric", "rows b, d: expected finite numbers, got NaN, Infinity"],
    ["too few", [1, 2], "data", "rows a, b, c, d: expected 4 scores, one an answer, got 2"],
    ["too many", [1, 2, 3, 4, 5], "data", "got 5"],
    ["text", [1, "0.9", 2, 3], "data", 'row b: expected numbers, got the text "0.9"'],
    ["nothing at a place", [1, undefined, 2, 3], "data", "row b: expected numbers, got undefined"],
    ["a number instead of a list", 1, "data", "expected a list of 4 numbers, got 1"],
    ["nothing", undefined, "data", "expected a list of 4 numbers, got undefined"],
    [
      "parts that are not finite",
      { scores: [1, 2, 3, 4], components: { part: [1, 2, 3, Number.NaN] } },
      "numeric",
      "mine: part: row d",
    ],
  ])("%s", async (_, scores, code, message) => {
    const error = await errorOf(scoreItems(giving(scores), items));
    expect(error.code).toBe(code);
    expect(error.message).toContain("rewards: mine");
    expect(error.message).toContain(message);
  });
  it("null says that it does not apply, and is no error", async () => {
    const { scores } = await scoreItems(giving([1, null, 2, 3]), items);
    expect([...scores]).toEqual([1, Number.NaN, 2, 3]);
  });
  it("typed arrays are numbers too", async () => {
    const { scores } = await scoreItems(giving(Float32Array.of(1, 2, 3, 4)), items);
    expect([...scores]).toEqual([1, 2, 3, 4]);
  });
});

describe("a reward that", () => {
  it("throws is named with its rows and its words", async () => {
    const throwing = functionReward("mine", () => {
      throw new Error("no such key");
    });
    const error = await errorOf(scoreItems(throwing, items));
    expect(error.message).toContain(
      "rewards: mine: rows a, b, c, d: expected scores, got an exception: no such key",
    );
    expect((error.cause as Error).message).toBe("no such key");
  });
  it("throws may be asked again, as often as was said", async () => {
    let calls = 0;
    const shaky = functionReward("mine", (list) => {
      if (++calls < 3) throw new Error("busy");
      return list.map(() => 1);
    });
    expect([...(await scoreItems(shaky, items, { retries: 2 })).scores]).toEqual([1, 1, 1, 1]);
    calls = 0;
    const error = await errorOf(scoreItems(shaky, items, { retries: 1 }));
    expect(error.got).toBe("an exception (2 attempts): busy");
  });
  it("hangs is given up after its time, whether it listens or not", async () => {
    const hanging = functionReward("mine", () => new Promise<number[]>(() => undefined));
    const error = await errorOf(scoreItems(hanging, items, { timeoutSeconds: 0.02 }));
    expect(error.message).toContain("rows a, b, c, d: expected scores within 0.02 s, got no answer");
  });
  it("hangs as a part of another is given up too, and the other parts are told", async () => {
    let told = false;
    const hanging = functionReward("hangs", () => new Promise<number[]>(() => undefined));
    const listening = functionReward("listens", (_, { signal }) => {
      return new Promise<number[]>((_, reject) =>
        signal.addEventListener("abort", () => {
          told = true;
          reject(new Error("told"));
        }),
      );
    });
    const sum = sumReward("sum", [{ reward: hanging }, { reward: listening }]);
    const error = await errorOf(scoreItems(sum, items, { timeoutSeconds: 0.02 }));
    expect(error.message).toContain("expected scores within 0.02 s");
    expect(told).toBe(true);
  });
  it("is stopped by the signal while it works, and before it starts", async () => {
    const control = new AbortController();
    const waiting = eachReward("mine", () => new Promise<number>(() => control.abort()));
    expect((await errorOf(scoreItems(waiting, items, { signal: control.signal }))).code).toBe("interrupted");
    let asked = false;
    const never = functionReward("mine", (list) => {
      asked = true;
      return list.map(() => 0);
    });
    expect((await errorOf(scoreItems(never, items, { signal: AbortSignal.abort() }))).code).toBe(
      "interrupted",
    );
    expect(asked).toBe(false);
  });
});

describe("batches", () => {
  it("come back in order, whichever is ready first", async () => {
    const slowFirst = functionReward(
      "mine",
      async (list) => {
        const first = list[0]!.id === "a";
        await new Promise((resolve) => setTimeout(resolve, first ? 10 : 0));
        return list.map(({ id }) => id.charCodeAt(0));
      },
      { batchSize: 1 },
    );
    const { scores } = await scoreItems(slowFirst, items, { concurrency: 4 });
    expect([...scores]).toEqual([97, 98, 99, 100]);
  });
  it("name only the rows of the call that failed", async () => {
    const reward = functionReward("mine", (list) => list.map(({ id }) => (id === "d" ? Number.NaN : 1)), {
      batchSize: 2,
    });
    expect((await errorOf(scoreItems(reward, items))).where).toBe("rewards: mine: row d");
  });
  it("of no answers ask nobody", async () => {
    expect((await scoreItems(giving("never asked"), [])).scores.length).toBe(0);
  });
});
