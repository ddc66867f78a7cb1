/** The guard at work: fed with looks, it judges, stops, and never holds more than the models that may still be chosen. */
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import {
  chooseCheckpoint,
  type GuardLook,
  type LookColumns,
  type ModelStore,
  openGuard,
  renderRunReport,
} from "../../../src/evaluate/index.js";
import { functionReward, type Reward } from "../../../src/rewards/index.js";
import { createRandom } from "../../../src/util/random.js";

const prompts = 24;

/** Answers whose proxy is the look's, and whose text says what is really worth: held-out rewards read it there. */
function lookAt(look: number, o: { proxy: number; gold: number; seed: number }): LookColumns {
  const random = createRandom(o.seed, { stream: `look/${look}` });
  const rows = Array.from({ length: prompts }, (_, i) => i);
  const gold = rows.map((i) => o.gold + Math.sin(i) + 0.05 * random.normal());
  const texts = gold.map((x) => `worth ${x}`);
  return {
    step: 10 * look,
    prompts: rows.map((i) => ({ id: `p${i}` })),
    texts,
    items: texts.map((completion, i) => ({ id: `p${i}#0`, prompt: `question ${i}`, completion })),
    rewards: rows.map((i) => o.proxy + Math.cos(i) + 0.05 * random.normal()),
    components: { first: rows.map(() => o.gold + 1), second: rows.map(() => o.gold - 1) },
    kl: rows.map(() => 0.4 * look),
    lengths: rows.map(() => 10),
    ended: rows.map(() => true),
    entropies: rows.map(() => 5),
    parameters: () => Promise.resolve(new Map([["w", Float32Array.of(look)]])),
  };
}

const worth: Reward = functionReward("worth", (items) =>
  items.map(({ completion }) => Number((completion as string).slice(6))),
);

/** A tent: up to look 8, then down; the proxy always up. */
const tent = (look: number) => ({ proxy: 0.1 * look, gold: look < 8 ? 0.1 * look : 0.8 - 0.1 * (look - 8) });

function countingStore(): ModelStore & { most: number } {
  const kept = new Map<number, ReadonlyMap<string, Float32Array>>();
  const store = {
    most: 0,
    put: (step: number, values: ReadonlyMap<string, Float32Array>) => {
      kept.set(step, values);
      store.most = Math.max(store.most, kept.size);
      return Promise.resolve();
    },
    drop: (step: number) => Promise.resolve(void kept.delete(step)),
    get: (step: number) => Promise.resolve(kept.get(step)!),
    steps: () => [...kept.keys()],
  };
  return store;
}

describe("a run that is being hacked", () => {
  it("is stopped with words, and the model of the best step comes back", async () => {
    const said: GuardLook[] = [];
    const models = countingStore();
    const guard = openGuard({ heldOut: worth, models, onLook: (look) => void said.push(look) });
    let look = 0;
    while ((await guard.look(lookAt(look, { ...tent(look), seed: 1 }))) !== "stop" && look < 40) look++;
    expect(look).toBeGreaterThan(8);
    expect(look).toBeLessThan(16);
    expect(said.at(-1)!.verdict).toMatchObject({ state: "hacked", stop: true });
    expect(said.at(-1)!.verdict.words).toContain("being hacked; keep step");
    const kept = (await guard.kept())!;
    expect(Math.abs(kept.step - 80)).toBeLessThanOrEqual(10);
    expect(kept.parameters.get("w")![0]).toBe(kept.step / 10);
    // Being written, the latest, the best of the others.
    expect(models.most).toBeLessThanOrEqual(3);
    expect(models.steps().length).toBeLessThanOrEqual(2);
  });

  it("goes on where it is only to be told", async () => {
    const guard = openGuard({ heldOut: worth, stop: false });
    for (let look = 0; look < 20; look++)
      expect(await guard.look(lookAt(look, { ...tent(look), seed: 1 }))).toBeUndefined();
    expect(guard.verdict).toMatchObject({ state: "hacked", stop: true });
  });

  it.each([
    [
      "of the guard's own",
      {
        ensemble: [
          { ...worth, name: "a" },
          { ...worth, name: "b" },
        ],
      },
    ],
    ["that is trained on", { members: ["first", "second"] }],
  ])("is seen by an ensemble %s", async (_, judges) => {
    const guard = openGuard(judges);
    const states: (string | undefined)[] = [];
    for (let look = 0; look < 20; look++) {
      await guard.look(lookAt(look, { ...tent(look), seed: 2 }));
      states.push(guard.verdict?.state);
    }
    expect(states).toContain("hacked");
    expect(guard.series[0]!.measures.disagreement).toBeDefined();
    expect(Math.abs((await guard.kept())!.step - 80)).toBeLessThanOrEqual(10);
  });
});

describe("the models that are held", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("always have the one to choose among them: seed %i", async (seed) => {
    const random = createRandom(seed, { stream: "walk" });
    const guard = openGuard({ heldOut: worth, stop: false });
    let gold = 0;
    for (let look = 0; look < 25; look++) {
      gold += 0.3 * random.normal();
      await guard.look(lookAt(look, { proxy: 0.1 * look, gold, seed }));
      expect((await guard.kept())!.step).toBe(chooseCheckpoint(guard.series).step);
    }
  });

  it("are none where nothing is held out", async () => {
    const models = countingStore();
    const guard = openGuard({ models });
    for (let look = 0; look < 8; look++) await guard.look(lookAt(look, { ...tent(look), seed: 3 }));
    expect(models.most).toBe(0);
    expect(await guard.kept()).toBeUndefined();
    expect(guard.verdict!.state).toBe("blind");
  });
});

it("a guard that goes on from its series says the same as one that never stopped", async () => {
  const whole = openGuard({ heldOut: worth, stop: false });
  for (let look = 0; look < 14; look++) await whole.look(lookAt(look, { ...tent(look), seed: 4 }));
  const log = JSON.parse(JSON.stringify(whole.series.slice(0, 6))) as typeof whole.series;
  const rest = openGuard({ heldOut: worth, stop: false, series: log });
  for (let look = 6; look < 14; look++) await rest.look(lookAt(look, { ...tent(look), seed: 4 }));
  expect(rest.series).toEqual(whole.series);
  expect(rest.verdict).toEqual(whole.verdict);
});

describe("bad input", () => {
  it("answers that the held-out reward does not apply to stay out; none left is an error", async () => {
    const some = functionReward("some", (items) => items.map((_, i) => (i % 2 === 0 ? 1 : null)));
    const guard = openGuard({ heldOut: some });
    await guard.look(lookAt(0, { ...tent(0), seed: 1 }));
    expect(guard.series[0]!.answers).toBe(prompts / 2);
    const none = openGuard({ heldOut: functionReward("none", (items) => items.map(() => null)) });
    await expect(none.look(lookAt(0, { ...tent(0), seed: 1 }))).rejects.toThrow(
      "the guard's look at step 0: expected at least one answer with words that every reward applies to",
    );
    expect(none.series).toHaveLength(0);
  });
  it("a held-out reward that gives NaN is an error that names it and the rows", async () => {
    const guard = openGuard({ heldOut: functionReward("bad", (items) => items.map(() => Number.NaN)) });
    await expect(guard.look(lookAt(0, { ...tent(0), seed: 1 }))).rejects.toThrow(/rewards: bad: rows p0#0/);
  });
});

describe("the page of a run", () => {
  const facts = { model: "m" };
  const status = "Stopped by the guard after 130 updates";
  it("tells the verdict, Gao's curve and the answers side by side", async () => {
    const guard = openGuard({ heldOut: worth, stop: false });
    for (let look = 0; look < 25; look++) await guard.look(lookAt(look, { ...tent(look), seed: 5 }));
    const { series, prompts: asked } = guard;
    const log = [{ step: 1, reward: 0.5, "objective/kl": 0 }];
    const page = renderRunReport({ title: "t", series, prompts: asked, log, status, kept: 80, facts });
    const { document } = parseHTML(page);
    expect(document.querySelector("h1")!.textContent).toContain("The reward was hacked");
    const text = document.body.textContent!.replace(/\s+/g, " ");
    expect(text).toContain("The run's model is that of step 80");
    expect(text).toMatch(/held-out reward: alpha .* it turns at a KL of/);
    expect(text).toContain("question 0");
    expect([...document.querySelectorAll("#answers th")].map((each) => each.textContent)).toEqual([
      "start",
      "step 80, kept",
      "step 120",
      "step 240",
    ]);
  });
  it("shows hostile answers as text", async () => {
    const hostile = `</td><script>alert(1)</script><img src=x onerror="alert(2)">`;
    const guard = openGuard();
    const look = lookAt(0, { ...tent(0), seed: 6 });
    const items = look.items.map((item) => ({ ...item, prompt: hostile }));
    await guard.look({ ...look, texts: look.texts.map(() => hostile), items });
    const { series, prompts: asked } = guard;
    const page = renderRunReport({
      title: hostile,
      series,
      prompts: asked,
      log: [],
      status,
      facts: { model: hostile },
    });
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("script, img")).toHaveLength(0);
    expect(document.querySelector("#answers")!.textContent).toContain(hostile);
  });
  it("is a page without looks too", () => {
    const log = [1, 2, 3].map((step) => ({ step, reward: step, "objective/kl": step }));
    const page = renderRunReport({ title: "t", series: [], log, status: "Done after 3 updates", facts });
    expect(page).toContain("A run without a guard");
    expect(parseHTML(page).document.querySelectorAll("#log figure")).toHaveLength(2);
  });
});
