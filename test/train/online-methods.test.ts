/** Every online method on a tiny random model: it learns, repeats, and reports what it must. */
import { describe, expect, it } from "vitest";
import { functionReward } from "../../src/rewards/index.js";
import { openAnswerers } from "../../src/train/online/answerers.js";
import { openMixtureSampler } from "../../src/train/online/mixture-sampler.js";
import { openSampler } from "../../src/train/online/sampler.js";
import { readOnlineSettings } from "../../src/train/online/settings.js";
import { onlineSettingsOf } from "../../src/train/online/train-online.js";
import { uploadParameters } from "../../src/train/policy.js";
import {
  ONLINE_METHOD_NAMES,
  ONLINE_METHODS,
  type OnlineSettings,
  type RolloutReport,
  type Sampler,
} from "../../src/train/index.js";
import { runOnline, sharedSetting } from "./online-setup.js";

const setting = await sharedSetting();

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
  const methods = ONLINE_METHOD_NAMES.filter(
    (name) => name !== "spin" && name !== "xpo" && name !== "nash-md",
  );
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

describe("an opponent", () => {
  it("draws independently of the policy, though it is the same model at the start", async () => {
    const { backend } = setting;
    const policy = await setting.policy();
    const answerers = await openAnswerers({
      backend,
      policy,
      parameters: await uploadParameters(policy, backend),
      stopTokens: [2],
      settings: readOnlineSettings("nash-md", { max_completion_length: 6 }, onlineSettingsOf("nash-md")),
      maxPrompt: 4,
      sampler: undefined,
    });
    const request = { prompts: [{ id: "a", tokens: [30, 31, 32, 33] }], samples: 8, seed: 1 };
    const saidBy = async (sample: Sampler): Promise<string[]> =>
      (await sample(request)).map(({ tokens }) => tokens.join());
    const [own, again] = [await saidBy(answerers.policy), await saidBy(answerers.policy)];
    const others = [await saidBy(answerers.reference), await saidBy(answerers.mixture)];
    await answerers.close();
    expect(again).toEqual(own);
    for (const other of others) expect(own.filter((text, i) => text === other[i]).length).toBeLessThan(4);
  });
});

describe("nash-md", () => {
  const prompts = [
    { id: "a", tokens: [30, 31, 32, 33] },
    { id: "b", tokens: [40] },
  ];
  const request = { prompts, samples: 1, seed: 1 };

  it("draws from the mixture: at its ends the policy's and the reference's own answers", async () => {
    const { backend } = setting;
    const policy = await setting.policy();
    const parameters = await uploadParameters(policy, backend);
    // Away from the reference, so that the ends differ.
    const [name] = [...policy.trainable.keys()].filter((key) => key.includes("norm"));
    const own = parameters[name!]!;
    const data = Float32Array.from((await backend.download(own)).data, (x, i) => (i % 2 === 0 ? -x : x));
    await backend.write(own, { shape: own.shape, dtype: "float32", data });
    const common = { backend, policy, stopTokens: [2] };
    const greedy = async (values: typeof parameters | undefined): Promise<number[][]> => {
      const sampling = { maxNewTokens: 6, temperature: 0 };
      const sampler = await openSampler({ ...common, parameters: values, sampling });
      const answers = await sampler.sample(request);
      await sampler.close();
      return answers.map(({ tokens }) => [...tokens]);
    };
    const mixed = async (mixtureCoef: number): Promise<number[][]> => {
      const sizes = { maxPrompt: 4, maxNewTokens: 6, rows: 2 };
      const sampler = openMixtureSampler({ ...common, ...sizes, parameters, mixtureCoef, temperature: 1e-4 });
      const answers = await sampler.sample(request);
      await sampler.close();
      return answers.map(({ tokens }) => [...tokens]);
    };
    const [policys, references] = [await greedy(parameters), await greedy(undefined)];
    expect(policys).not.toEqual(references);
    expect(await mixed(0)).toEqual(policys);
    expect(await mixed(1)).toEqual(references);
    await backend.free(Object.values(parameters));
  });

  it("makes answers likelier that beat the mixture's, and the others less likely", async () => {
    const beats = functionReward("beats", (items) =>
      items.map(({ tokens }) => ({ 20: 5, 21: -5 })[tokens![0]!] ?? 0),
    );
    const { reports, rollouts } = await runOnline(setting, "nash-md", {
      sampler: given,
      reward: beats,
      settings: { num_train_epochs: 6 },
      fit: { learningRate: 1e-2, schedule: "constant", detailSteps: 0 },
    });
    const gap = ({ rewards, entropies }: RolloutReport): number =>
      entropies.reduce((sum, nats, i) => sum + (rewards[i]! > 0 ? -nats : nats), 0);
    expect(gap(rollouts.at(-1)!)).toBeGreaterThan(gap(rollouts[0]!) + 1);
    // Two of four answers win: p is near 1 for them, near 0 for the others.
    expect(reports[0]!.metrics["rewards/probabilities"]).toBeCloseTo(0.5, 2);
  });
});

describe("whole iterations", () => {
  it.each(["spin", "iterative-dpo"] as const)(
    "%s asks every prompt once in each, and then learns from all",
    async (method) => {
      const { reports, rollouts } = await runOnline(setting, method, {
        settings: { iterations: 3, per_device_train_batch_size: 2, ...settings(method) },
      });
      expect(rollouts).toHaveLength(3);
      for (const { prompts } of rollouts)
        expect([...new Set(prompts.map(({ id }) => id))].sort()).toEqual(["birds", "cats", "cows", "dogs"]);
      // Four rows in updates of two; ties and equal answers may leave fewer.
      expect(reports.length).toBeGreaterThan(3);
      expect(reports.length).toBeLessThanOrEqual(6);
    },
  );
});

describe("ppo with texts beside its answers", () => {
  const texts = [
    { id: "one", tokens: [50, 51, 52, 53, 54] },
    { id: "two", tokens: [60, 61, 62] },
  ];
  const nll = async (weight: number): Promise<number[]> => {
    const { reports } = await runOnline(setting, "ppo", {
      pretraining: texts,
      settings: { ptx_coef: weight, num_train_epochs: 6, num_iterations: 1 },
      fit: { learningRate: 1e-2, schedule: "constant" },
    });
    return reports.map(({ metrics }) => metrics["loss/pretraining"]!);
  };
  it("learns them by their weight, and not at weight 0", async () => {
    const [with1, with0] = [await nll(5), await nll(0)];
    expect(with1[0]).toBeCloseTo(with0[0]!, 5);
    expect(with1.at(-1)!).toBeLessThan(with1[0]! - 0.3);
    expect(with1.at(-1)!).toBeLessThan(with0.at(-1)! - 0.3);
  });
  it("are refused by methods that would not learn from them", async () => {
    await expect(runOnline(setting, "rloo", { pretraining: texts })).rejects.toThrow(
      "rloo: pretraining: expected a method that takes texts beside its answers",
    );
  });
});
