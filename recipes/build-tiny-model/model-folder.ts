/**
 * The files of the tiny model's Hugging Face folder other than its weights: sizes, tokenizer, chat template, stop tokens.
 * Knows no training. One place, because the token ids must agree between four files.
 */
import { readFileSync } from "node:fs";
import { trainByteLevelBpe, type TokenizerJson } from "attune/text";

/** Ids 0, 1, 2, ... in this order. `<|endoftext|>` parts documents and pads; `<|end|>` ends every turn. */
export const specialTokens = [
  "<|endoftext|>",
  "<|end|>",
  "<|system|>",
  "<|user|>",
  "<|assistant|>",
  "<|tool|>",
  "<|call|>",
] as const;

const endOfText = 0;
const endOfTurn = 1;

/** Covers nearly every word of the world as one token; a whole corpus of it has about 1,900 pieces to merge. */
export const vocabularySize = 1536;

/** Longest training sequence is about 150 tokens; the rest is room for longer talks. */
const maxPositions = 512;

export const chatTemplate = readFileSync(new URL("chat-template.jinja", import.meta.url), "utf8").replaceAll(
  "\n",
  "",
);

/**
 * 1,304,192 parameters: embeddings 196,608 (tied), six layers of 184,576 (attention 49,152, MLP 135,168, norms 256), the
 * last norm 128. 2.6 MB in bfloat16.
 */
export function tinyConfig(vocabSize: number): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 128,
    intermediate_size: 352,
    num_hidden_layers: 6,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
    vocab_size: vocabSize,
    max_position_embeddings: maxPositions,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    hidden_act: "silu",
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    initializer_range: 0.02,
    bos_token_id: endOfText,
    eos_token_id: endOfTurn,
    pad_token_id: endOfText,
    torch_dtype: "bfloat16",
  };
}

/** Stops at the end of a turn, and at the end of a document in case the model falls back to plain text. */
export function tinyGenerationConfig(): Record<string, unknown> {
  return {
    bos_token_id: endOfText,
    eos_token_id: [endOfTurn, endOfText],
    pad_token_id: endOfText,
    do_sample: true,
    temperature: 1,
    max_new_tokens: 64,
  };
}

export function tinyTokenizerConfig(): Record<string, unknown> {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: null,
    eos_token: "<|end|>",
    pad_token: "<|endoftext|>",
    unk_token: null,
    additional_special_tokens: specialTokens.slice(2),
    model_max_length: maxPositions,
    clean_up_tokenization_spaces: false,
    chat_template: chatTemplate,
  };
}

/** Trains the vocabulary on the corpus's own text, without the markers of the template. */
export function tinyTokenizer(texts: Iterable<string>): TokenizerJson {
  return trainByteLevelBpe(texts, { vocabSize: vocabularySize, specialTokens });
}
