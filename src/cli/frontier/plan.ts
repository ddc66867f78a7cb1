/**
 * The runs of a frontier: every method with every beta, from one budget of answers, each in a folder that its settings name.
 * Knows the tables of methods; trains nothing.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { AttuneError } from "../../errors.js";
import { PAIR_LOSSES } from "../../losses/index.js";
import { METHOD_NAMES, methodEntry, type MethodName, settingSections } from "../../train/job/index.js";
import {
  ONLINE_METHOD_NAMES,
  ONLINE_METHODS,
  type OnlineMethodName,
  onlineSettingsOf,
} from "../../train/index.js";
import { sha256, sha256File } from "../../util/files.js";
import { nearestName } from "../../util/nearest-name.js";

/** What all runs share. */
export interface Budget {
  /** Answers that a run learns from. */
  answers: number;
  /** Answers of an update. */
  batch: number;
  seed: number;
  /** Undefined: each method's own. */
  learningRate: number | undefined;
  maxNewTokens: number;
}

export type RunSpec = { name: string; beta: number } & (
  | { kind: "offline"; method: MethodName; lossType: string | undefined }
  | { kind: "online"; method: OnlineMethodName; betaName: "beta" | "kl_coef" }
);

/** Names that `--methods` takes: offline methods, losses of `dpo`, and online methods with a weight of the KL. */
export function frontierMethods(): string[] {
  const offline = METHOD_NAMES.filter((name) => hasBeta(name));
  const losses = Object.keys(PAIR_LOSSES).filter((name) => !METHOD_NAMES.some((each) => each === name));
  return [...offline, ...losses, ...ONLINE_METHOD_NAMES.filter((name) => betaOf(name) !== undefined)];
}

const hasBeta = (name: MethodName): boolean =>
  methodEntry(name).records !== "demonstration" && "beta" in (settingSections(name)["Objective"] ?? {});

/** The setting that weighs the KL; undefined for methods without one. */
function betaOf(name: OnlineMethodName): "beta" | "kl_coef" | undefined {
  // Demonstrations are no pairs.
  if (ONLINE_METHODS[name].demonstrations) return undefined;
  const names = Object.values(onlineSettingsOf(name)).flatMap((section) => Object.keys(section as object));
  return names.includes("kl_coef")
    ? "kl_coef"
    : name !== "best-of-n" && names.includes("beta")
      ? "beta"
      : undefined;
}

/** Throws `usage` for a method that is not known or a beta that is none. */
export function planRuns(methods: readonly string[], betas: readonly number[]): RunSpec[] {
  const known = frontierMethods();
  return methods.flatMap((name) => {
    if (!known.includes(name)) {
      const near = nearestName(name, known);
      throw new AttuneError("usage", {
        where: "attune frontier --methods",
        expected: known.join(", "),
        got: name,
        ...(near !== undefined && { fix: `did you mean ${near}?` }),
      });
    }
    return betas.map((beta) => specOf(name, beta));
  });
}

function specOf(name: string, beta: number): RunSpec {
  const online = ONLINE_METHOD_NAMES.find((each) => each === name);
  if (online) return { kind: "online", name, beta, method: online, betaName: betaOf(online)! };
  const method = METHOD_NAMES.find((each) => each === name);
  return { kind: "offline", name, beta, method: method ?? "dpo", lossType: method ? undefined : name };
}

/** Hash of the files of a model folder that decide what it says. */
export async function modelHash(folder: string): Promise<string> {
  const names = readdirSync(folder).filter((name) => /\.(safetensors|json|jinja|model)$/.test(name));
  const hashes = await Promise.all(
    names.sort().map(async (name) => `${name} ${await sha256File(join(folder, name))}`),
  );
  return sha256(hashes.join("\n"));
}

/** Names the folder of a run: the same settings and inputs find it again, others make another. */
export function fingerprintOf(
  spec: RunSpec,
  inputs: { budget: Budget; model: string; data: string; reward: string },
): string {
  const { reward, ...others } = inputs;
  // Offline runs do not look at the reward.
  return sha256(JSON.stringify([1, spec, others, spec.kind === "online" ? reward : ""]));
}
