/** What an export can be asked for. Knows no query. */

/** TRL's data types, and `ranked`: all candidates, best first. */
export const exportKinds = [
  "preference",
  "unpaired",
  "stepwise",
  "ranked",
  "demonstration",
  "prompt",
] as const;
export type ExportKind = (typeof exportKinds)[number];

export interface ExportOptions {
  project: string;
  as: ExportKind;
  /** Items without a winner: left out, or kept as a pair with `soft_label` one half and margin 0; default drop. */
  ties?: "drop" | "keep";
  /** One row an item by majority, or one row a judgement; default majority. A reviewer's decision always counts alone. */
  votes?: "majority" | "each";
  /** Add `soft_label`, the share of the votes for the chosen answer (a tie is half a vote); default false. */
  softLabels?: boolean;
  /**
   * Strength as `margin`: `small` is a third a degree (1, 2/3, 1/3, 0), `large` one a degree (3, 2, 1, 0): both Llama 2's
   * (arXiv 2307.09288, table 27). Written only where the project asked for strength. Default small.
   */
  margin?: "none" | "small" | "large";
  /** What a neutral step becomes; default positive, as the paper of PRM800K scores it. TRL makes it negative. */
  neutral?: "positive" | "negative";
}

export interface ExportReport {
  items: number;
  rows: number;
  judgements: number;
  annotators: number;
  /** Items (or judgements) that gave no row, by reason. */
  leftOut: Record<string, number>;
  /** Items decided by a reviewer. */
  adjudicated: number;
}
