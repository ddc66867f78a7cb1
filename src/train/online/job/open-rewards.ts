/** From rewards as they were named to one `Reward`: models opened, modules loaded, parts weighed. Knows no method. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AttuneError } from "../../../errors.js";
import type { GenerationModel } from "../../../generate/index.js";
import { openModel, type OpenedModel, parameterInputs, resolveModel } from "../../../models/index.js";
import {
  centredReward,
  chatClient,
  ensembleReward,
  functionReward,
  httpReward,
  judgeReward,
  modelReward,
  pairwiseJudge,
  pairwiseReward,
  referenceOffset,
  type Reward,
  type RewardItem,
  runningReward,
  sumReward,
} from "../../../rewards/index.js";
import type { Backend } from "../../../tensor/index.js";
import { chatTemplateOf, loadTokenizer, type Tokenizer } from "../../../text/index.js";
import { sha256, sha256File } from "../../../util/files.js";
import { hashModel } from "../../job/open-policy.js";
import { bindPolicy, bindReference, createPolicy, uploadParameters } from "../../policy.js";
import { readRewardSpec, type RewardSpec } from "./reward-spec.js";
import { ruleOf } from "./rules.js";

export interface RewardParts {
  readonly specs: readonly string[];
  readonly combine: "sum" | "mean" | "min" | "lower_bound";
  /** Each part of a sum is held within +- this; 0: not. */
  readonly partClip: number;
  /** Answers whose mean reward is taken off. */
  readonly centreOn: readonly RewardItem[];
  /** On the scale of all answers so far. */
  readonly normalise: boolean;
  readonly backend: Backend;
  /** The policy's, for servers that are sent texts. */
  readonly tokenizer: Tokenizer;
  /** Of `reward_timeout` and `reward_retries`, for servers. */
  readonly timeoutSeconds: number;
  readonly retries: number;
}

export interface OpenedReward {
  readonly reward: Reward;
  /** The same on its own scale, not centred or normalised. */
  readonly plain: Reward;
  /** The rewards as they were named. */
  readonly parts: readonly Reward[];
  /** What a resumed run has to be given again. */
  readonly hash: string;
  close(): Promise<void>;
}

interface Part {
  reward: Reward;
  hash: string;
  free?: () => Promise<void>;
}

/** @throws AttuneError `config`, `model`, `io` */
export async function openRewards(o: RewardParts): Promise<OpenedReward> {
  const specs = o.specs.map(readRewardSpec);
  const parts: (Part & { spec: RewardSpec })[] = [];
  const close = async (): Promise<void> => {
    for (const { reward, free } of parts) {
      await reward.close?.();
      await free?.();
    }
  };
  try {
    for (const spec of specs) parts.push({ spec, ...(await openOne(spec, o)) });
    const named = parts.map(({ reward }, k) => uniqueName(reward, parts.slice(0, k)));
    const bare = parts.length === 1 && parts[0]!.spec.weight === 1;
    const plain = bare ? named[0]! : joined(named, specs, o);
    const centred = await centredOn(plain, o);
    const reward = o.normalise ? runningReward(centred, { clip: 10 }) : centred;
    const hash = sha256(
      parts.map(({ spec, hash: own }) => `${spec.weight} ${own}`).join("\n") + centredBy(o),
    );
    return { reward, plain, parts: named, hash, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function joined(
  rewards: readonly Reward[],
  specs: readonly RewardSpec[],
  { combine, partClip }: RewardParts,
): Reward {
  if (combine === "sum") {
    const clip = partClip > 0 ? { clip: [-partClip, partClip] as const } : {};
    return sumReward(
      "sum",
      rewards.map((reward, k) => ({ reward, weight: specs[k]!.weight, ...clip })),
    );
  }
  const weighed = specs.find(({ weight }) => weight !== 1);
  if (weighed === undefined) return ensembleReward("ensemble", rewards, { combine });
  throw new AttuneError("config", {
    where: `reward ${weighed.text}`,
    expected: `no weight, because reward_combine is ${combine}`,
    got: String(weighed.weight),
  });
}

const centredBy = ({ centreOn }: RewardParts): string =>
  centreOn.length === 0 ? "" : `\ncentred on ${JSON.stringify(centreOn)}`;

async function centredOn(
  reward: Reward,
  { centreOn, timeoutSeconds, retries }: RewardParts,
): Promise<Reward> {
  if (centreOn.length === 0) return reward;
  const offset = await referenceOffset(reward, centreOn, { timeoutSeconds, retries });
  return centredReward(reward, { offset });
}

/** Two reward models may lie in folders of one name. */
function uniqueName(reward: Reward, before: readonly Part[]): Reward {
  const same = before.filter((other) => other.reward.name === reward.name).length;
  return same === 0 ? reward : { ...reward, name: `${reward.name}-${same + 1}` };
}

async function openOne(spec: RewardSpec, o: RewardParts): Promise<Part> {
  const { text, target } = spec;
  switch (spec.kind) {
    case "rule":
      return { reward: ruleOf(spec), hash: text.replace(/^[^*]*\*/u, "") };
    case "server": {
      const { timeoutSeconds, retries, tokenizer } = o;
      const template = tokenizer.chatTemplates.has("default") ? chatTemplateOf(tokenizer) : undefined;
      const given = { timeoutSeconds, ...(retries > 0 && { retries }), ...(template && { template }) };
      return { reward: httpReward("server", target, given), hash: target };
    }
    case "judge":
      return judgePart(spec);
    case "module":
      return modulePart(target);
    case "model":
      return modelPart(target, o);
  }
}

function judgePart({ text, target, options }: RewardSpec): Part {
  const model = options.get("model");
  const compare = options.get("compare") ?? "answers";
  if (compare !== "answers" && compare !== "pairs") {
    throw new AttuneError("config", {
      where: `reward ${text}: compare`,
      expected: "answers or pairs",
      got: compare,
    });
  }
  if (model === undefined) {
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected: "?model=NAME, as the server names it",
      got: "none",
    });
  }
  const apiKey = process.env["ATTUNE_JUDGE_KEY"];
  const client = chatClient({ url: target, model, ...(apiKey !== undefined && { apiKey }) });
  const reward =
    compare === "pairs"
      ? pairwiseReward(pairwiseJudge("judge", { client }))
      : judgeReward("judge", { client });
  return { reward, hash: `${client.fingerprint} ${compare}` };
}

/** A module's `reward`: a function of all answers of a batch, or a whole Reward. */
async function modulePart(path: string): Promise<Part> {
  const file = resolve(path);
  const refuse = (got: string, cause?: unknown): never => {
    throw new AttuneError("config", {
      where: `reward ${path}`,
      expected: "a module that exports `reward`: a function of the answers, or an object with name and score",
      got,
      cause,
    });
  };
  if (!existsSync(file)) return refuse("no such file");
  const loaded = (await import(pathToFileURL(file).href).catch((cause: unknown) =>
    refuse(cause instanceof Error ? cause.message : String(cause), cause),
  )) as Readonly<Record<string, unknown>>;
  const found = loaded["reward"] ?? loaded["default"];
  const hash = await sha256File(file);
  if (typeof found === "function")
    return { reward: functionReward(basename(file).replace(/\.m?js$/, ""), found as Reward["score"]), hash };
  const whole = found as Partial<Reward> | undefined;
  if (typeof whole?.score !== "function" || typeof whole.name !== "string")
    return refuse(`exports: ${Object.keys(loaded).join(", ") || "none"}`);
  return { reward: whole as Reward, hash };
}

async function modelPart(named: string, { backend }: RewardParts): Promise<Part> {
  const opened = await openModel(named);
  const folder = await resolveModel(named);
  const tokenizer = await loadTokenizer(
    existsSync(join(folder, "tokenizer.json")) ? folder : opened.model.path,
  );
  const { model, free } = await runnable(opened, backend);
  const { hash } = await hashModel({ opened, tokenizer });
  const reward = modelReward(rewardName(named), { backend, model, tokenizer, tooLong: "cut-start" });
  return { reward, hash, free };
}

/** `runs/reward/model` is called reward. */
function rewardName(named: string): string {
  const own = basename(resolve(named));
  return own === "model" ? basename(dirname(resolve(named))) : own.replace(/@.*/, "");
}

async function runnable(
  opened: OpenedModel,
  backend: Backend,
): Promise<{ model: GenerationModel; free: () => Promise<void> }> {
  const policy = createPolicy(opened);
  if (!opened.adapter)
    return { model: { graph: bindReference(policy).model }, free: () => Promise.resolve() };
  const parameters = await uploadParameters(policy, backend);
  const shapes = Object.fromEntries([...policy.trainable].map(([name, { shape }]) => [name, shape]));
  const { model, adapters } = bindPolicy(policy, parameterInputs(shapes));
  const free = (): Promise<void> => backend.free(Object.values(parameters));
  return { model: { graph: model, adapters, parameters }, free };
}
