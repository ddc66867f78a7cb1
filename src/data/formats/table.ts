/**
 * All formats, in the order in which they are tried: the particular before the general. Adding a format is one line
 * here. Knows no file.
 */
import * as answers from "./answers.js";
import * as argilla from "./argilla.js";
import type { Format } from "./format.js";
import * as hh from "./hh-rlhf.js";
import * as judged from "./judged-pairs.js";
import * as labelStudio from "./label-studio.js";
import * as llama from "./llama-factory.js";
import * as tracing from "./observability.js";
import * as openai from "./openai.js";
import * as own from "./own.js";
import * as solutions from "./solutions.js";
import * as trajectories from "./trajectories.js";
import * as trl from "./trl.js";
import * as ultra from "./ultrafeedback.js";

export const formats = {
  "attune-dump": own.attuneDump,
  "attune-items": own.attuneItem,
  "attune-judgements": own.attuneJudgement,
  "tau-bench": trajectories.tauBench,
  "openai-agents-trace": trajectories.openaiTrace,
  "langsmith-runs": tracing.langsmithRun,
  "vercel-ui-messages": trajectories.vercelMessages,
  "langfuse-scores": tracing.langfuse,
  "langfuse-traces": tracing.langfuseTrace,
  "label-studio": labelStudio.labelStudio,
  argilla: argilla.argilla,
  "argilla-1": argilla.argilla1,
  prm800k: solutions.prm800k,
  "gsm8k-solutions": solutions.gsm8kSolutions,
  ultrafeedback: ultra.ultrafeedback,
  "ultrafeedback-binarized": ultra.ultrafeedbackBinarized,
  helpsteer3: judged.helpsteer3,
  pandalm: judged.pandalm,
  "alpaca-eval": judged.alpacaEval,
  arena: judged.arena,
  "answers-to-compare": answers.answersToCompare,
  "arena-votes": judged.arenaVotes,
  "openai-preference": openai.openaiPreference,
  "hh-rlhf": hh.hhRlhf,
  "hh-red-team": hh.hhRedTeam,
  "llama-factory-info": llama.llamaFactoryInfo,
  "llama-factory-v1-preference": llama.llamaFactoryV1Preference,
  "llama-factory-v1": llama.llamaFactoryV1,
  "sharegpt-preference": llama.sharegptPreference,
  "sharegpt-kto": llama.sharegptKto,
  sharegpt: llama.sharegpt,
  "alpaca-preference": llama.alpacaPreference,
  "alpaca-kto": llama.alpacaKto,
  alpaca: llama.alpaca,
  "orca-pairs": llama.orcaPairs,
  trajectory: trajectories.trajectory,
  "openai-chat": openai.openaiChat,
  "trl-preference": trl.trlPreference,
  "trl-preference-implicit": trl.trlPreferenceImplicit,
  "trl-unpaired": trl.trlUnpaired,
  "trl-stepwise": trl.trlStepwise,
  "trl-prompt-completion": trl.trlPromptCompletion,
  "trl-messages": trl.trlMessages,
  "trl-text": trl.trlText,
  "question-answer": solutions.questionAnswer,
  texts: solutions.tinyStories,
  verl: trl.verl,
  "trl-prompt-only": trl.trlPromptOnly,
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;
export const formatNames = Object.keys(formats) as FormatName[];
