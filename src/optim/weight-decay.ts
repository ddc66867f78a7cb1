/** Which parameters are decayed. */
import type { Shape } from "../tensor/index.js";

/** True for parameters that weight decay shrinks. */
export type DecayMask = (name: string, shape: Shape) => boolean;

/**
 * Matrices and larger are decayed; biases and the weights of norms, by name or by being vectors, are not: the rule of
 * `transformers.Trainer`.
 */
export const decayMatrices: DecayMask = (name, shape) =>
  shape.length >= 2 &&
  !/(^|\.)bias$/.test(name) &&
  !/(^|[._])(layer_?norm|rms_?norm|norm|ln)(\d*|_f|_\d+)?([._]|$)/i.test(name);

export interface DecayOptions {
  /** Strength. Default: the optimiser's own. */
  weightDecay?: number;
  /** Which parameters it applies to. Default `decayMatrices`. */
  decay?: DecayMask;
}
