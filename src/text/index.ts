/**
 * Text to tokens: tokenizers, chat templates, completion masks, audits. Knows no tensors, models or data files.
 *
 * Conventions of this folder: ids are plain number arrays; a mask has one number a token, 1 where it is trained;
 * offsets are UTF-16 units; encoding is asynchronous (the binding works on its own threads), decoding is not.
 */
export { trainByteLevelBpe, type BpeOptions, type TokenizerJson } from "./byte-level-bpe.js";
export { loadTokenizer, type LoadTokenizerOptions, type TokenizerParts } from "./load-tokenizer.js";
export {
  Tokenizer,
  type DecodeOptions,
  type EncodeOptions,
  type EncodingWithOffsets,
  type OffsetOptions,
  type TokenizerInit,
} from "./tokenizer.js";
export { ChatTemplate, type RenderOptions } from "./chat-template.js";
export type { MarkedText } from "./generation-marks.js";
export type { ChatMessage, ContentPart, ToolCall } from "./chat-message.js";
export { chatTemplateOf, type ChatChoice } from "./chat-template-of.js";
export { tokenisingHash } from "./tokenising-hash.js";
export { assistantSpans, maskOfSpans } from "./assistant-spans.js";
export { endOfTurn, stopTokenIds, type EndOfTurn } from "./end-of-turn.js";
export { describePrefixBreak, findPrefixBreak, requirePrefix, type PrefixBreak } from "./prefix-check.js";
export {
  tokenizeCompletions,
  tokenizeMessages,
  tokenizePreference,
  tokenizePromptCompletion,
  tokenizeRows,
  tokenizeText,
  type Content,
  type TokenisedCompletion,
  type TokenisedRow,
  type TokeniseOptions,
} from "./tokenise-rows.js";
export {
  type JudgedSteps,
  type StepOptions,
  type TokenisedSteps,
  tokenizeSteps,
  unjudged,
} from "./tokenise-steps.js";
export { auditRows, createAuditor, type RowAuditor, type TextAudit } from "./audit.js";
export { renderExample, renderPrompt, type ConversationalRow } from "./render-example.js";
export { renderColoured, type RenderTokensOptions } from "./render-tokens.js";
