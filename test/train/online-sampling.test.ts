/** Sampler and trainer: compared in every update, weighed where they differ, and a pass left out where it says nothing new. */
import { describe, expect, it } from "vitest";
import {
  ONLINE_METHODS,
  type OnlineSettings,
  type SampledAnswer,
  type Sampler,
} from "../../src/train/index.js";
import type { Backend } from "../../src/tensor/index.js";
import { openSampler } from "../../src/train/online/sampler.js";
import { uploadParameters } from "../../src/train/policy.js";
import { type Outcome, runOnline, short, sharedSetting } from "./online-setup.js";

const setting = await sharedSetting();

const settings: Partial<OnlineSettings> = { num_generations: 4, beta: 0.1 };

/** The start's own answers, as a sampler that is not the run's: the policy's pass is not left out for it. */
async function startSampler(
  change: (answer: SampledAnswer) => SampledAnswer = (answer) => answer,
): Promise<{ sampler: Sampler; close: () => Promise<void> }> {
  const policy = await setting.policy();
  const { sample, close } = await openSampler({
    backend: setting.backend,
    policy,
    parameters: await uploadParameters(policy, setting.backend),
    stopTokens: [2],
    sampling: { maxNewTokens: short.max_completion_length! },
  });
  return { sampler: async (request) => (await sample(request)).map(change), close };
}

const firstMetrics = ({ reports }: Outcome): Readonly<Record<string, number>> => reports[0]!.metrics;

function furthest(a: Outcome, b: Outcome): number {
  let most = 0;
  for (const [name, data] of a.result.parameters) {
    const other = b.result.parameters.get(name)!;
    data.forEach((x, i) => (most = Math.max(most, Math.abs(x - other[i]!))));
  }
  return most;
}

describe("an update that is the only one of its rollout", () => {
  const once = { settings: { ...settings, sampling_correction: "none" }, fit: { maxSteps: 1 } } as const;

  it("is the same without the pass that computes the policy's log-probabilities beforehand", async () => {
    const { sampler, close } = await startSampler();
    const scored = await runOnline(setting, "grpo", { ...once, sampler });
    await close();
    const fresh = await runOnline(setting, "grpo", once);
    expect(fresh.rollouts[0]!.texts).toEqual(scored.rollouts[0]!.texts);
    // Adam's first step is 0.01 for any gradient, of noise too where that is all there is.
    expect(furthest(fresh, scored)).toBeLessThan(1e-4);
    const [ours, theirs] = [firstMetrics(fresh), firstMetrics(scored)];
    for (const name of [
      "loss",
      "grad_norm",
      "kl",
      "objective/entropy",
      "sampling/sampling_logp_difference/max",
    ])
      expect(ours[name], name).toBeCloseTo(theirs[name]!, 4);
    // Against itself, exactly.
    expect(ours["policy/approxkl_avg"]).toBe(0);
    expect(ours["val/ratio"]).toBe(1);
  });

  it("makes no graph that would compute them", async () => {
    const made: string[][] = [];
    const watching = (backend: Backend): Backend => ({
      ...backend,
      compile: (graph, options) => {
        made.push(Object.keys(graph.outputs));
        return backend.compile(graph, options);
      },
    });
    const outputs = async (num_iterations: number): Promise<string[]> => {
      made.length = 0;
      const backend = watching(setting.backend);
      await runOnline({ ...setting, backend }, "grpo", {
        settings: { ...settings, num_iterations },
        fit: { maxSteps: 1 },
      });
      return made.flat();
    };
    expect(await outputs(2)).toContain("value:logps");
    const once = await outputs(1);
    expect(once).toContain("value:refLogps");
    expect(once).not.toContain("value:logps");
  });

  it("is not the only one with more passes: they need the numbers from before", async () => {
    const { reports } = await runOnline(setting, "grpo", {
      settings: { ...settings, num_iterations: 2 },
      fit: { maxSteps: 2 },
    });
    expect(reports[0]!.metrics["policy/approxkl_avg"]).toBeLessThan(1e-8);
    expect(reports[1]!.metrics["policy/approxkl_avg"]).toBeGreaterThan(1e-6);
  });
});

describe("a sampler that says half a nat too little of every token", () => {
  const half = (answer: SampledAnswer): SampledAnswer => ({
    ...answer,
    logProbs: answer.logProbs.map((x) => x - 0.5),
  });

  it.each(["grpo", "rloo", "ppo", "reinforce"] as const)("is seen by %s, and weighed", async (method) => {
    const { sampler, close } = await startSampler(half);
    const numGenerations = ONLINE_METHODS[method].defaults.numGenerations > 1 ? 4 : 1;
    const run = (sampling_correction: OnlineSettings["sampling_correction"]): Promise<Outcome> =>
      runOnline(setting, method, {
        sampler,
        settings: { num_generations: numGenerations, num_iterations: 1, sampling_correction },
        fit: { maxSteps: 1 },
      });
    const bare = await run("none");
    const weighed = await run("token_truncate");
    await close();
    const metrics = firstMetrics(weighed);
    expect(metrics["sampling/sampling_logp_difference/mean"]).toBeCloseTo(0.5, 3);
    const ratio = method === "rloo" ? Math.exp(0.5 * short.max_completion_length!) : Math.exp(0.5);
    expect(metrics["sampling/importance_sampling_ratio/max"]).toBeCloseTo(Math.min(3, ratio), 3);
    expect(firstMetrics(bare)["sampling/sampling_logp_difference/mean"]).toBeCloseTo(0.5, 3);
    // A larger weight, a longer step.
    expect(metrics["grad_norm"]).toBeGreaterThan(1.2 * firstMetrics(bare)["grad_norm"]!);
  });

  it("says nothing of log-probabilities: there is nothing to compare, and nothing is weighed", async () => {
    const { sampler, close } = await startSampler((answer) => ({ ...answer, logProbs: [] }));
    const outcome = await runOnline(setting, "grpo", { sampler, settings, fit: { maxSteps: 1 } });
    await close();
    expect(Object.keys(firstMetrics(outcome)).filter((name) => name.startsWith("sampling/"))).toEqual([]);
    expect(firstMetrics(outcome)["grad_norm"]).toBeGreaterThan(0);
  });
});

describe("sampler and trainer", () => {
  it("agree at another temperature where likely tokens alone are drawn: both know the whole distribution", async () => {
    const { reports } = await runOnline(setting, "grpo", {
      settings: { ...settings, temperature: 0.6, top_p: 0.5, top_k: 20, min_p: 0.05, num_iterations: 2 },
      fit: { maxSteps: 1 },
    });
    expect(reports[0]!.metrics["sampling/sampling_logp_difference/max"]).toBeLessThan(1e-4);
    expect(reports[0]!.metrics["objective/entropy"]).toBeGreaterThan(0.1);
  });
});

describe("methods of pairs", () => {
  it.each(["online-dpo", "spin", "xpo", "nash-md", "best-of-n"] as const)(
    "%s compares too",
    async (method) => {
      const { reports } = await runOnline(setting, method, { fit: { maxSteps: 1 } });
      const { metrics } = reports[0]!;
      expect(metrics["sampling/sampling_logp_difference/mean"]).toBeGreaterThan(0);
      expect(metrics["sampling/sampling_logp_difference/max"]).toBeLessThan(1e-4);
    },
  );
});

describe("every loss of the group takes every correction", () => {
  const { lossTypes } = ONLINE_METHODS.grpo.defaults;
  it.each(lossTypes)("%s", async (loss_type) => {
    for (const sampling_correction of ["token_truncate", "sequence_mask"] as const) {
      const outcome = await runOnline(setting, "grpo", {
        settings: { ...settings, loss_type, sampling_correction },
        fit: { maxSteps: 1 },
      });
      expect(firstMetrics(outcome)["grad_norm"]).toBeGreaterThan(0);
      expect(firstMetrics(outcome)["sampling/importance_sampling_ratio/mean"]).toBeCloseTo(1, 3);
    }
  });
});
