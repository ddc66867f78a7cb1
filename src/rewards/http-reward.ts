/**
 * A reward server over HTTP, asked as OpenRLHF asks its remote reward models.
 *
 *   POST url  {"query": [prompt + answer], "prompts": [prompt], "labels": [column or null]}
 *   200       {"rewards": [number], "extra_logs": {"name": [number]}}      ("scores" where "rewards" is missing)
 *
 * A server that is away is waited for (`post-json.ts`).
 */
import { AttuneError } from "../errors.js";
import type { ChatTemplate } from "../text/index.js";
import { rowNames } from "./check-scores.js";
import type { RawScores, Reward, RewardItem } from "./contract.js";
import { itemTexts } from "./item-texts.js";
import { checkAddress, postJson } from "./post-json.js";

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

/** Throws `config` for an address that is none. */
export function httpReward(name: string, url: string, options: HttpRewardOptions = {}): Reward {
  const where = `rewards: ${name}`;
  checkAddress(where, url);
  const { retries = 4, retryDelaySeconds = 1, timeoutSeconds = 180, headers } = options;
  const { batchSize = 64, labelColumn = "label", template } = options;
  return {
    name,
    batchSize,
    keepsTime: true,
    async score(items, { signal }) {
      const texts = items.map((item) => itemTexts(item, template));
      const body = {
        query: texts.map(({ query }) => query),
        prompts: texts.map(({ prompt }) => prompt),
        labels: items.map(({ columns }) => columns?.[labelColumn] ?? null),
      };
      const answer = await postJson(url, body, {
        timeoutSeconds,
        retries,
        retryDelaySeconds,
        headers,
        signal,
        where: `${where}: ${rowNames(items)}`,
        expected: "scores",
      });
      return readAnswer(name, answer, items);
    },
  };
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
