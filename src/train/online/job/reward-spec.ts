/**
 * Rewards as a command line names them, `[WEIGHT*]KIND`, taken apart. Opens nothing.
 *
 *   runs/reward/model        a reward model: folder, adapter's folder or Hugging Face id
 *   http://host:5000/score   a reward server (OpenRLHF's protocol)
 *   ./mine.js                a module that exports `reward`: a function of the answers, or a Reward
 *   rule:NAME?key=value      a rule with its options; in values & is %26, % is %25
 *   judge:http://host/v1?model=NAME    a language model as judge; its key is in ATTUNE_JUDGE_KEY. With &compare=pairs it compares
 *                                      the answers to a prompt with each other: the reward is the share of comparisons won
 */
import { AttuneError } from "../../../errors.js";

export type RewardKind = "model" | "server" | "module" | "rule" | "judge";

export interface RewardSpec {
  readonly text: string;
  readonly kind: RewardKind;
  readonly weight: number;
  /** Path, address, or the rule's name. */
  readonly target: string;
  readonly options: ReadonlyMap<string, string>;
}

/** @throws AttuneError `config` for a weight that is no number */
export function readRewardSpec(text: string): RewardSpec {
  const [, factor, rest] = /^(?:([^*:/\\]*)\*)?(.*)$/su.exec(text) as unknown as [string, string?, string?];
  const weight = factor === undefined ? 1 : Number(factor);
  if (factor?.trim() === "" || !Number.isFinite(weight)) {
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected: "a number before the *",
      got: JSON.stringify(factor),
    });
  }
  const body = rest!.trim();
  if (body === "") {
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected: "a path, an address or rule:NAME",
      got: "nothing",
    });
  }
  const kind = kindOf(body);
  const [, scheme = ""] = kind === "rule" || kind === "judge" ? /^(\w+:)/.exec(body)! : [];
  const named = body.slice(scheme.length);
  const mark = scheme === "" ? -1 : named.indexOf("?");
  const target = mark < 0 ? named : named.slice(0, mark);
  return { text, kind, weight, target, options: readOptions(mark < 0 ? "" : named.slice(mark + 1)) };
}

function kindOf(body: string): RewardKind {
  if (/^https?:\/\//.test(body)) return "server";
  if (body.startsWith("rule:")) return "rule";
  if (body.startsWith("judge:")) return "judge";
  return /\.m?js$/.test(body) ? "module" : "model";
}

/** As in an address, but a plus is a plus. */
const readOptions = (query: string): Map<string, string> =>
  new Map(new URLSearchParams(query.replaceAll("+", "%2B")));
