/** What a reward, a prompt or a policy can do wrong in an online run: errors that name rows, nothing silent, and a checkpoint. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eachReward, functionReward, httpReward, type RawScores } from "../../src/rewards/index.js";
import { openModel } from "../../src/models/index.js";
import { createPolicy, type OnlinePrompt, type Sampler } from "../../src/train/index.js";
import { listCheckpoints } from "../../src/train/checkpoint.js";
import {
  errorOf,
  letters,
  openSetting,
  questions,
  runOnline,
  scratch,
  type Setting,
} from "./online-setup.js";

const folder = scratch();
let setting: Setting;
beforeAll(async () => {
  setting = await openSetting(folder);
});
afterAll(() => setting.backend.close());

const giving = (scores: (count: number) => unknown) =>
  functionReward("mine", (items) => scores(items.length) as RawScores);

describe("a reward that", () => {
  it.each([
    ["gives NaN", (n: number) => Array(n).fill(Number.NaN), "numeric", "expected finite numbers, got NaN"],
    ["gives infinity", (n: number) => Array(n).fill(Infinity), "numeric", "got Infinity"],
    ["gives too few", (n: number) => Array(n - 1).fill(1), "data", "expected 4 scores, one an answer, got 3"],
    ["gives text", (n: number) => Array(n).fill("good"), "data", 'got the text "good"'],
    [
      "throws",
      () => {
        throw new Error("no key");
      },
      "data",
      "an exception: no key",
    ],
    ["hangs", () => new Promise(() => undefined), "data", "expected scores within 0.05 s, got no answer"],
  ])("%s ends the run with an error that names the rows", async (_, scores, code, words) => {
    const error = await errorOf(
      runOnline(setting, "ppo", { reward: giving(scores), settings: { reward_timeout: 0.05 } }),
    );
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/rewards: mine: rows? (cats|dogs|cows|birds)#0/);
    expect(error.message).toContain(words);
  });

  it("throws once is asked again where that is allowed", async () => {
    let calls = 0;
    const flaky = functionReward("flaky", (items) => {
      if (calls++ === 0) throw new Error("busy");
      return items.map((_, i) => i);
    });
    const { reports } = await runOnline(setting, "ppo", { reward: flaky, settings: { reward_retries: 1 } });
    expect(reports.length).toBeGreaterThan(0);
  });

  it("does not apply to an answer leaves it out of the means and out of learning", async () => {
    const some = eachReward("some", ({ id }) => (id.startsWith("cats") ? null : 1));
    const { rollouts } = await runOnline(setting, "ppo", { reward: some });
    expect([...rollouts[0]!.rewards].filter(Number.isNaN)).toHaveLength(1);
    expect(rollouts[0]!.metrics["reward"]).toBe(1);
  });
});

describe("groups whose answers earn the same", () => {
  it("are counted, give no gradient, and the others are learned from", async () => {
    const one = eachReward("one", ({ id }) => (id === "cats#0" ? 1 : 0));
    const { reports } = await runOnline(setting, "grpo", {
      reward: one,
      settings: { num_generations: 2, per_device_train_batch_size: 8 },
    });
    expect(reports[0]!.metrics["frac_reward_zero_std"]).toBe(0.75);
    expect(reports[0]!.metrics["grad_norm"]).toBeGreaterThan(0);
  });

  it("all of them, rollout after rollout, end the run with advice", async () => {
    const error = await errorOf(
      runOnline(setting, "grpo", {
        reward: eachReward("same", () => 1),
        settings: { num_generations: 2, per_device_train_batch_size: 8 },
      }),
    );
    expect(error.message).toContain("10 rollouts in a row whose groups have equal rewards");
  });

  it("are asked for again with dynamic sampling, until every group of the rollout differs", async () => {
    let asked = 0;
    const rare = eachReward("rare", () => (asked++ % 6 === 0 ? 1 : 0));
    const { reports } = await runOnline(setting, "grpo", {
      reward: rare,
      settings: { num_generations: 2, per_device_train_batch_size: 4, dynamic_sampling: true },
    });
    expect(reports[0]!.metrics["frac_reward_zero_std"]).toBe(0);
    expect(reports[0]!.metrics["rollout/prompts_asked"]).toBeGreaterThan(2);
  });

  it("are ties of Online DPO: dropped and counted", async () => {
    const half = eachReward("half", ({ id }) => (id === "cats#0" || id === "dogs#1" ? 1 : 0));
    const { reports } = await runOnline(setting, "online-dpo", { reward: half });
    expect(reports[0]!.metrics["objective/dropped_prompts"]).toBe(2);
  });
});

/** Answers of fixed tokens; `cats` says nothing. */
const silentCats: Sampler = ({ prompts, samples }) =>
  Promise.resolve(
    prompts.flatMap(({ id }) =>
      Array.from({ length: samples }, (_, k) => ({
        tokens: id.endsWith("cats") ? [] : [20 + k, 30, 40],
        logProbs: [],
        ended: true,
      })),
    ),
  );

describe("answers without a token", () => {
  it.each(["ppo", "grpo", "rloo", "reinforce", "reinforce++", "online-dpo", "best-of-n"] as const)(
    "are counted and not learned from: %s",
    async (method) => {
      const { reports } = await runOnline(setting, method, {
        sampler: silentCats,
        settings: { num_generations: method === "ppo" || method.startsWith("reinforce") ? 1 : 2 },
        reward: functionReward("place", (items) => items.map((_, i) => i)),
      });
      expect(reports[0]!.metrics["completions/empty"]).toBeGreaterThan(0);
      expect(Number.isFinite(reports[0]!.metrics["loss"])).toBe(true);
      expect(Number.isFinite(reports[0]!.metrics["grad_norm"])).toBe(true);
    },
  );
});

describe("prompts", () => {
  const long: OnlinePrompt = { id: "long", prompt: [{ role: "user", content: "why ".repeat(80) }] };

  it("that leave no room for an answer are left out and counted", async () => {
    const { reports, rollouts } = await runOnline(setting, "ppo", { prompts: [...questions, long] });
    expect(reports[0]!.metrics["prompts/too_long"]).toBe(1);
    expect(rollouts.flatMap(({ prompts }) => prompts.map(({ id }) => id))).not.toContain("long");
  });
  it("none of which leave room are an error", async () => {
    const error = await errorOf(runOnline(setting, "ppo", { prompts: [long] }));
    expect(error.code).toBe("data");
    expect(error.message).toContain("shorten the prompts, or lower max_completion_length");
  });
  it("of one name are refused", async () => {
    const error = await errorOf(runOnline(setting, "ppo", { prompts: [questions[0]!, questions[0]!] }));
    expect(error.message).toContain("prompt cats: expected an id of its own");
  });
});

describe("a policy that collapses", () => {
  it("stops the run behind a checkpoint of the last policy that had not, though later ones were written", async () => {
    const output = join(folder, "collapse");
    const sound: number[] = [];
    const error = await errorOf(
      runOnline(setting, "rloo", {
        settings: { num_generations: 2, num_iterations: 3, num_train_epochs: 40, stop_kl: 4, beta: 0 },
        onRollout: ({ rollout }) => void sound.push(3 * rollout),
        fit: { learningRate: 0.01, output, saveSteps: 1, saveTotalLimit: 1 },
      }),
    );
    expect(error.code).toBe("invariant");
    expect(error.message).toContain("the policy collapsed: expected a KL of at most 4 nats an answer");
    const last = sound.at(-1)!;
    expect(last).toBeGreaterThan(0);
    expect(error.fix).toContain(`the last good policy is that of step ${last}: begin a run with --model`);
    expect(error.fix).toContain(join(output, `checkpoint-${last}`, "model"));
    // The newest has the updates in it that were the collapse.
    expect(listCheckpoints(output)).toEqual([last, last + 3]);
    const again = await createPolicy(await openModel(join(output, `checkpoint-${last}`, "model")));
    const rest = await runOnline(setting, "rloo", { policy: again, settings: { num_generations: 2 } });
    expect(rest.reports.length).toBeGreaterThan(0);
  });
  it("before the first checkpoint says that there is none", async () => {
    const output = join(folder, "collapse-at-once");
    const settings = { num_generations: 2, num_train_epochs: 40, stop_kl: 1e-3, beta: 0 };
    const fit = { learningRate: 0.1, output };
    const error = await errorOf(runOnline(setting, "rloo", { settings, fit }));
    expect(error.fix).toContain("no checkpoint of a good policy was written");
    expect(listCheckpoints(output)).toEqual([]);
  });
  it("stops it too where answers become alike: entropy", async () => {
    const error = await errorOf(runOnline(setting, "rloo", { settings: { stop_entropy: 50 } }));
    expect(error.message).toContain("an entropy of at least 50 nats a token");
  });
});

describe("a reward server that goes away in the middle of a run", () => {
  let server: Server;
  let away = false;
  const port = (): number => (server.address() as AddressInfo).port;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        if (away) return void response.writeHead(503).end();
        const { query } = JSON.parse(body) as { query: string[] };
        response.end(JSON.stringify({ rewards: query.map((text) => text.length / 100) }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("is waited for; then the run saves, stops, and goes on as if nothing had been", async () => {
    const { chatTemplateOf } = await import("../../src/text/index.js");
    const template = chatTemplateOf(setting.tokenizer);
    const reward = (): ReturnType<typeof httpReward> =>
      httpReward("server", `http://127.0.0.1:${port()}`, { template, retries: 1, retryDelaySeconds: 0.01 });
    const settings = { num_train_epochs: 4 };
    const alone = await runOnline(setting, "ppo", { reward: reward(), settings });

    const output = join(folder, "server");
    const error = await errorOf(
      runOnline(setting, "ppo", {
        reward: reward(),
        settings,
        onRollout: ({ rollout }) => void (away = rollout === 1),
        fit: { output },
      }),
    );
    expect(error.code).toBe("network");
    const saved = listCheckpoints(output).at(-1)!;
    expect(saved).toBeGreaterThan(0);
    away = false;
    const rest = await runOnline(setting, "ppo", {
      reward: reward(),
      settings,
      fit: { output, resume: true },
    });
    expect(rest.reports[0]!.step).toBe(saved + 1);
    expect([...rest.result.parameters.values()]).toEqual([...alone.result.parameters.values()]);
  });
});

describe("settings", () => {
  it("that a method does not have are refused with the nearest name", async () => {
    const settings = { num_generation: 2 } as object;
    const error = await errorOf(runOnline(setting, "grpo", { settings, reward: letters }));
    expect(error.message).toContain("grpo: num_generation: expected a setting of this method");
    expect(error.fix).toBe("did you mean num_generations?");
  });
  it("that cannot share a rollout's answers are refused", async () => {
    const error = await errorOf(runOnline(setting, "grpo", { settings: { num_generations: 3 } }));
    expect(error.message).toContain("expected a divisor of the 4 answers of a rollout");
  });
});
