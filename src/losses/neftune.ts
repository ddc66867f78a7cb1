/**
 * The bound of NEFTune's noise on embeddings. Knows no embedding.
 *
 * Jain et al. 2023, "NEFTune: Noisy Embeddings Improve Instruction Finetuning" (2310.05914), algorithm 1: noise is
 * uniform in [-bound, bound], bound = alpha / sqrt(length * dim), in training only; length is the padded one.
 *
 * @example
 * const bound = neftuneBound(5, { length: 25, dim: 4 });
 * // bound = 0.5
 */
export const neftuneBound = (alpha: number, { length, dim }: { length: number; dim: number }): number =>
  alpha / Math.sqrt(length * dim);
