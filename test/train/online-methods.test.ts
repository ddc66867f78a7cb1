/** Every online method on a tiny random model: it learns, repeats, and reports what it must. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { functionReward } from "../../src/rewards/index.js";
import {
  ONLINE_METHOD_NAMES,
  ONLINE_METHODS,
  type OnlineSettings,
  type RolloutReport,
  type Sampler,
} from "../../src/train/index.js";
import { openSetting, runOnline, scratch, type Setting } from "./online-setup.js";

const folder = scratch();
let setting: Setting;
beforeAll(async () => {
  setting = await openSetting(folder);
});
afterAll(() => setting.backend.close());

/** Two answers a prompt where the method compares answers. */
const settings = (method: (typeof ONLINE_METHOD_NAMES)[number]): Partial<OnlineSettings> => ({
  num_generations: ONLINE_METHODS[method].defaults.numGenerations > 1 ? 2 : 1,
  num_mini_batches: 1,
  num_iterations: 1,
});

describe.each(ONLINE_METHOD_NAMES)("%s", (method) => {
  it("makes finite updates that move the policy, and says how the answers were", async () => {
    const { reports, rollouts, result } = await runOnline(setting, method, { settings: settings(method) });
    expect(reports.length).toBeGreaterThan(0);
    for (const { metrics } of reports) {
      expect(Number.isFinite(metrics["loss"])).toBe(true);
      expect(metrics["grad_norm"]).toBeGreaterThan(0);
      expect(metrics["completions/mean_length"]).toBeGreaterThan(0);
      expect(metrics["time/update"]).toBeGreaterThan(0);
    }
    expect(result.finished).toBe("done");
    expect(rollouts.map(({ rollout }) => rollout)).toEqual(rollouts.map((_, i) => i));
    const [first] = rollouts;
    expect(first!.texts).toHaveLength(first!.kl.length);
    // Nothing was learned yet: policy and reference are one model.
    expect(Math.max(...first!.kl.map(Math.abs))).toBeLessThan(1e-4);
    const before = await setting.policy();
    const moved = [...result.parameters].filter(([name]) => before.trainable.has(name));
    expect(moved.length).toBe(before.trainable.size);
  });

  it("with the same seed does the same", async () => {
    const once = await runOnline(setting, method, { settings: settings(method) });
    const again = await runOnline(setting, method, { settings: settings(method) });
    expect(again.rollouts.map(({ texts }) => texts)).toEqual(once.rollouts.map(({ texts }) => texts));
    expect([...again.result.parameters.values()]).toEqual([...once.result.parameters.values()]);
  });
});

/** The first answer of a group, or those of cats and dogs, begin with 20 and are rewarded; greedy ones are in between. */
const given: Sampler = ({ prompts, samples, temperature }) =>
  Promise.resolve(
    prompts.flatMap(({ id }) =>
      Array.from({ length: samples }, (_, k) => {
        const good = samples > 1 ? k === 0 : /cats|dogs/.test(id);
        return { tokens: [temperature === 0 ? 22 : good ? 20 : 21, 30, 40], logProbs: [], ended: true };
      }),
    ),
  );
const firstToken = functionReward("first", (items) =>
  items.map(({ tokens }) => ({ 20: 1, 21: 0, 22: 0.5 })[tokens![0]!]!),
);

describe("what is rewarded becomes likelier than what is not", () => {
  const methods = ONLINE_METHOD_NAMES.filter((name) => name !== "spin" && name !== "xpo");
  it.each(methods)("%s", async (method) => {
    const { rollouts } = await runOnline(setting, method, {
      sampler: given,
      reward: firstToken,
      settings: { ...settings(method), num_train_epochs: 6 },
      fit: { learningRate: 1e-2, schedule: "constant", detailSteps: 0 },
    });
    // Log-probability of the rewarded answers less that of the others.
    const gap = ({ rewards, entropies }: RolloutReport): number =>
      entropies.reduce((sum, nats, i) => sum + (rewards[i] === 1 ? -nats : nats), 0);
    expect(rollouts.length).toBeGreaterThan(4);
    expect(gap(rollouts.at(-1)!)).toBeGreaterThan(gap(rollouts[0]!) + 1);
  });
});
