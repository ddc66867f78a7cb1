/**
 * A language model as judge of single answers: a score by a rubric. Knows neither the policy nor who else judges.
 * Zheng et al. 2023 (2306.05685), section 3.1, "single answer grading".
 */
import { AttuneError } from "../../errors.js";
import { rowNames } from "../check-scores.js";
import { answerText, promptText, type Reward } from "../contract.js";
import type { ChatClient } from "./chat-client.js";
import { defaultRubric, type Rubric, scoreQuestion } from "./constitution.js";
import { inParallel } from "./in-parallel.js";
import { askForVerdict, scoreVerdict } from "./read-verdict.js";
import { openVerdictCache, type VerdictCache } from "./verdict-cache.js";

export interface JudgeOptions {
  readonly client: ChatClient;
  /** Verdicts given already. Default: kept in memory as long as the reward lives. */
  readonly cache?: VerdictCache;
  /** Times that a reply which cannot be read is shown back. Default 1. */
  readonly rereads?: number;
}

export interface JudgeRewardOptions extends JudgeOptions {
  /** Default: true, as asked, brief, from 1 to 10. */
  readonly rubric?: Rubric;
}

/**
 * The judge's score, on the rubric's scale; null where its replies cannot be read. Component: `unreadable`.
 *
 * @throws AttuneError `config` for a rubric without criteria or scale; scoring throws `network` when the server stays away, and
 *   `data` when not one of several replies could be read
 */
export function judgeReward(name: string, options: JudgeRewardOptions): Reward {
  const { client, rubric = defaultRubric, rereads = 1 } = options;
  const { criteria, scale } = rubric;
  if (
    criteria.length === 0 ||
    !(Number.isFinite(scale[0]) && scale[0] < scale[1] && Number.isFinite(scale[1]))
  ) {
    throw new AttuneError("config", {
      where: `rewards: ${name}: rubric`,
      expected: "at least one criterion, and a scale from low to high",
      got: JSON.stringify(rubric),
    });
  }
  const cache = sharedCache(options);
  const schema = scoreVerdict(scale);
  return {
    name,
    keepsTime: true,
    async score(items, { signal }) {
      const known = await cache();
      const verdicts = await inParallel(items, { concurrency: client.concurrency, signal }, (item, inner) => {
        const question = scoreQuestion({ rubric, prompt: promptText(item), answer: answerText(item) });
        const where = `rewards: ${name}: row ${item.id}`;
        return known.get([client.fingerprint, question], () =>
          askForVerdict(client, question, { schema, rereads, signal: inner, where }),
        );
      });
      refuseSilence(
        `rewards: ${name}: ${rowNames(items)}`,
        verdicts.map((verdict) => verdict === null),
      );
      return {
        scores: verdicts.map((verdict) => verdict?.score ?? null),
        components: { unreadable: verdicts.map((verdict) => Number(verdict === null)) },
      };
    },
  };
}

/** The cache given, or one of its own, opened when it is first needed. */
export function sharedCache({ cache }: JudgeOptions): () => Promise<VerdictCache> {
  let own: Promise<VerdictCache> | undefined;
  return () => (cache ? Promise.resolve(cache) : (own ??= openVerdictCache()));
}

/** One unreadable reply is a row without a score; nothing but unreadable replies is a judge that cannot judge. */
export function refuseSilence(where: string, unreadable: readonly boolean[]): void {
  if (unreadable.length < 4 || unreadable.includes(false)) return;
  throw new AttuneError("data", {
    where,
    expected: "verdicts as the JSON object that was asked for",
    got: `${unreadable.length} replies that are none`,
    fix: "use a judge that follows instructions, or raise maxTokens so that its reason fits",
  });
}
