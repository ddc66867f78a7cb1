/**
 * A reward server over HTTP, asked as OpenRLHF asks its remote reward models.
 *
 *   POST url  {"query": [prompt + answer], "prompts": [prompt], "labels": [column or null]}
 *   200       {"rewards": [number], "extra_logs": {"name": [number]}}      ("scores" where "rewards" is missing)
 *
 * A server that is away is waited for: attempts grow apart, and only then comes the error `network`, on which a run can
 * checkpoint and stop.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AttuneError } from "../errors.js";
import type { ChatTemplate } from "../text/index.js";
import { rowNames } from "./check-scores.js";
import type { RawScores, Reward, RewardItem } from "./contract.js";
import { itemTexts } from "./item-texts.js";

export interface HttpRewardOptions {
  /** Seconds that one attempt may take. Default 180 (OpenRLHF). */
  timeoutSeconds?: number;
  /** Attempts after the first. Default 4 (OpenRLHF: five attempts). */
  retries?: number;
  /** Seconds before the second attempt; each wait is twice the last, at most 30. Default 1 (OpenRLHF). */
  retryDelaySeconds?: number;
  /** Answers a request. Default 64. */
  batchSize?: number;
  /** The column whose values are sent as `labels`. Default "label". */
  labelColumn?: string;
  /** Turns conversations into text. Needed where prompts are messages. */
  template?: ChatTemplate;
  /** Further headers: authorisation. */
  headers?: Readonly<Record<string, string>>;
}

const longestWait = 30;
/** Worth asking again: too many requests, time-outs, and errors of the server. */
const passing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** Throws `config` for an address that is none. */
export function httpReward(name: string, url: string, options: HttpRewardOptions = {}): Reward {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new AttuneError("config", {
      where: `rewards: ${name}`,
      expected: "an http or https address",
      got: url,
    });
  }
  const { retries = 4, retryDelaySeconds = 1, batchSize = 64, labelColumn = "label", template } = options;
  return {
    name,
    batchSize,
    keepsTime: true,
    async score(items, { signal }) {
      const texts = items.map((item) => itemTexts(item, template));
      const body = JSON.stringify({
        query: texts.map(({ query }) => query),
        prompts: texts.map(({ prompt }) => prompt),
        labels: items.map(({ columns }) => columns?.[labelColumn] ?? null),
      });
      let last = "";
      for (let attempt = 0; attempt <= retries; attempt++) {
        if (attempt > 0)
          await sleep(Math.min(longestWait, retryDelaySeconds * 2 ** (attempt - 1)) * 1000, undefined, {
            signal,
          });
        const answer = await ask(url, { body, signal, options });
        if ("data" in answer) return readAnswer(name, answer.data, items);
        last = answer.problem;
        if (!answer.again) break;
      }
      throw new AttuneError("network", {
        where: `rewards: ${name}: ${rowNames(items)}`,
        expected: `scores from ${url}`,
        got: last,
        fix: "look whether the reward server is up; the run can be resumed",
      });
    },
  };
}

type Answer = { data: unknown } | { problem: string; again: boolean };

async function ask(
  url: string,
  { body, signal, options }: { body: string; signal: AbortSignal; options: HttpRewardOptions },
): Promise<Answer> {
  const { timeoutSeconds = 180, headers } = options;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await response.text();
    if (!response.ok) {
      const problem = `status ${response.status}: ${text.slice(0, 200)}`;
      return { problem, again: passing(response.status) };
    }
    return { data: parsed(text) };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return { problem: `no answer within ${timeoutSeconds} s`, again: true };
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
    return { problem: reason, again: true };
  }
}

/** What is no JSON stays text, and is refused as such. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Scores are checked by `scoreItems`; what is missing altogether is told here. */
function readAnswer(name: string, data: unknown, items: readonly RewardItem[]): RawScores {
  const answer = (typeof data === "object" && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
  const scores = answer["rewards"] ?? answer["scores"];
  if (scores === undefined) {
    throw new AttuneError("data", {
      where: `rewards: ${name}: ${rowNames(items)}`,
      expected: 'an answer with "rewards"',
      got:
        typeof data === "string"
          ? `the text ${JSON.stringify(data.slice(0, 80))}`
          : JSON.stringify(data).slice(0, 80),
    });
  }
  const logs = (answer["extra_logs"] ?? {}) as Readonly<Record<string, unknown>>;
  const components = Object.entries(logs).filter(
    ([, values]) => Array.isArray(values) && values.length === items.length && values.every(Number.isFinite),
  );
  return { scores, components: Object.fromEntries(components) } as unknown as RawScores;
}
