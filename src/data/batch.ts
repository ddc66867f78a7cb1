/**
 * Batch: what a trainer eats. Token rows, which tokens are targets, and which completion each belongs to.
 * Knows nothing of text, files, losses or models.
 *
 * One row holds one or more *groups*; a group is a prompt and its n completions (1: SFT, KTO; 2: a pair;
 * k: a ranked list), the prompt stored once: `[prompt | completion 1 | completion 2 | ...]`. A completion
 * sees its prompt and itself, never its siblings, and its positions start again after the prompt. This gives
 * exactly the numbers of n separate rows (arXiv 2410.20305).
 *
 * All arrays are row-major and zero-padded on the right. Sizes are padded up to buckets so that a run
 * compiles a handful of graphs. Padding is known by segment 0 or mask 0, never by token id.
 */

/** One prompt with its tokenised completions. Token in, token out: nothing is tokenised after this. */
export interface Example {
  /** Where it came from, e.g. `train.jsonl:17`; errors and the NaN report name it. */
  id: string;
  /** Prompt tokens; may be empty (language modelling). */
  prompt: readonly number[];
  completions: readonly Completion[];
  /** Per-group numbers a loss may want: `margin`, `label` (0 or 1), `ref_logps_0`... */
  values?: Readonly<Record<string, number>>;
}

export interface Completion {
  tokens: readonly number[];
  /** 1 where the token is trained; absent: all of them. Same length as `tokens`. */
  mask?: readonly number[];
}

export interface Batch {
  /** Number of token rows. */
  rows: number;
  /** Tokens a row, padded to a bucket. */
  length: number;
  inputIds: Int32Array; // [rows, length]
  /** Position of each token in its own sequence: prompt 0.., every completion continues after the prompt. */
  positions: Int32Array; // [rows, length]
  /** 0 padding, else 1.. unique within the row: prompts and completions each have their own number. */
  segments: Int32Array; // [rows, length]
  /** The other segment a token may attend to besides its own (its prompt's); 0 for none. */
  parents: Int32Array; // [rows, length]

  /** Number of target slots, padded to a bucket. */
  targets: number;
  /** Flat index into `rows * length` of the hidden state that predicts the target (the token before it). */
  sources: Int32Array; // [targets]
  /** Token id to be predicted. */
  labels: Int32Array; // [targets]
  /** 1 real and trained, 0 padding. */
  targetMask: Float32Array; // [targets]

  /** Number of completion slots (groups x completions per group), group-major: chosen, rejected, chosen, ... */
  sequences: number;
  /** Width of the grid below: the longest completion of the batch, padded to a bucket. */
  width: number;
  /** Index into `targets` of the t-th trained token of each completion; 0 where `gridMask` is 0. */
  grid: Int32Array; // [sequences, width]
  gridMask: Float32Array; // [sequences, width]
  /** Flat index into `rows * length` of each completion's last token (where a reward head reads). */
  ends: Int32Array; // [sequences]
  /** 1 where the completion slot is real, 0 for bucket padding. */
  sequenceMask: Float32Array; // [sequences]

  /** Completions in a group; every group of a batch has the same number. */
  completionsPerGroup: number;
  /** Number of group slots = sequences / completionsPerGroup. */
  groups: number;
  /** `Example.values`, one array a name. */
  values: Readonly<Record<string, Float32Array>>; // each [groups]
  /** `Example.id` of each real group, in order (without padding). */
  ids: readonly string[];
  /** Real tokens in `inputIds`, and real trained targets. */
  tokens: number;
  trainedTokens: number;
}
