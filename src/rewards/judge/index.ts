/** Language models as judges (RLAIF): single answers by a rubric, pairs by a constitution with the sides swapped. */
export { chatClient, type ChatClient, type ChatClientOptions, type ChatTurn } from "./chat-client.js";
export { defaultPrinciples, defaultRubric, type Rubric } from "./constitution.js";
export { type JudgeOptions, judgeReward, type JudgeRewardOptions } from "./judge-reward.js";
export {
  type AnswerPair as JudgedAnswers,
  pairwiseJudge,
  type PairwiseJudge,
  type PairwiseJudgeOptions,
  pairwiseReward,
  type PairwiseRewardOptions,
  type PairVerdict,
} from "./pairwise-judge.js";
export { openVerdictCache, type VerdictCache } from "./verdict-cache.js";
