/** The rules that a command line can name, and the options that each takes. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AttuneError } from "../../../errors.js";
import {
  endedReward,
  exactMatchReward,
  jsonSchemaReward,
  lengthReward,
  numericMatchReward,
  overlongReward,
  patternReward,
  repetitionReward,
  type Reward,
  thinkFormatReward,
} from "../../../rewards/index.js";
import { ioError } from "../../../util/files.js";
import { nearestName } from "../../../util/nearest-name.js";
import type { RewardSpec } from "./reward-spec.js";

const number = z.coerce.number();
const flag = z.enum(["true", "false"]).transform((word) => word === "true");
const expression = z.string().transform((source) => new RegExp(source, "u"));

interface Rule {
  options: Readonly<Record<string, z.ZodType>>;
  make: (given: Readonly<Record<string, never>>) => Reward;
}

const rules: Readonly<Record<string, Rule>> = {
  "exact-match": {
    options: {
      column: z.string(),
      extract: expression,
      ignoreCase: flag,
      ignoreSpace: flag,
      ignorePunctuation: flag,
    },
    make: (given) => exactMatchReward(given),
  },
  "numeric-match": {
    options: { column: z.string(), extract: expression, absolute: number, relative: number },
    make: (given) => numericMatchReward(given),
  },
  pattern: {
    options: { pattern: z.string(), mode: z.enum(["contains", "whole", "absent"]), flags: z.string() },
    make: ({ pattern, ...rest }) => patternReward(pattern ?? "", rest),
  },
  "think-format": { options: {}, make: () => thinkFormatReward() },
  "json-schema": {
    options: { file: z.string(), partial: number, fenced: flag },
    make: ({ file, ...rest }) => jsonSchemaReward(readSchema(file), rest),
  },
  length: {
    options: { unit: z.enum(["characters", "words", "tokens"]), min: number, max: number, slack: number },
    make: (given) => lengthReward(given),
  },
  overlong: {
    options: { maxTokens: number, cacheTokens: number },
    make: ({ maxTokens = Number.NaN, cacheTokens = Number.NaN }) =>
      overlongReward({ maxTokens, cacheTokens }),
  },
  ended: { options: {}, make: () => endedReward() },
  repetition: { options: { n: number, maxPenalty: number }, make: (given) => repetitionReward(given) },
};

export const RULE_NAMES = Object.keys(rules);

/** @throws AttuneError `config` for an unknown rule, an option that it does not take, or a value that is none; `io` */
export function ruleOf({ text, target, options }: RewardSpec): Reward {
  const rule = Object.hasOwn(rules, target) ? rules[target] : undefined;
  if (rule === undefined) {
    const near = nearestName(target, RULE_NAMES);
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected: `a rule: ${RULE_NAMES.join(", ")}`,
      got: target,
      ...(near !== undefined && { fix: `did you mean rule:${near}?` }),
    });
  }
  let parsed: z.ZodSafeParseResult<Record<string, unknown>>;
  try {
    parsed = z
      .strictObject(Object.fromEntries(Object.entries(rule.options).map(([k, v]) => [k, v.optional()])))
      .safeParse(Object.fromEntries(options));
  } catch (cause) {
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected: "a regular expression",
      got: (cause as Error).message,
      cause,
    });
  }
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const unknown = issue.code === "unrecognized_keys" ? issue.keys[0]! : undefined;
    throw new AttuneError("config", {
      where: `reward ${text}`,
      expected:
        unknown === undefined
          ? `${String(issue.path[0])}: ${issue.message}`
          : `options of ${target}: ${Object.keys(rule.options).join(", ") || "none"}`,
      got: unknown ?? options.get(String(issue.path[0])) ?? "nothing",
    });
  }
  return rule.make(parsed.data as Record<string, never>);
}

function readSchema(path: string | undefined): Record<string, unknown> {
  if (path === undefined)
    throw new AttuneError("config", {
      where: "reward rule:json-schema",
      expected: "?file=SCHEMA.json",
      got: "nothing",
    });
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new AttuneError("config", { where: path, expected: "JSON", got: cause.message, cause });
    throw ioError(cause, { path, expected: "a JSON Schema" });
  }
}
