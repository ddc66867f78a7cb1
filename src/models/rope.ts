/**
 * Rotary positions: inverse frequencies, the scale of cos and sin, and their tables, in float64, for every rope type.
 * Knows nothing of config.json or of attention. Follows transformers' `modeling_rope_utils`.
 */
import { AttuneError } from "../errors.js";
import type { RopeConfig, RopeScaling } from "./config/types.js";

export interface RopeFrequencies {
  /** [rotaryDim / 2] radians a token. */
  readonly inverse: Float64Array;
  /** cos and sin are multiplied by this. */
  readonly attentionScaling: number;
}

/** Row-major [rows, columns]; columns = rotaryDim / 2, element i rotates the pair (i, i + columns). */
export interface RopeTables {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly rows: number;
  readonly columns: number;
}

interface Given {
  theta: number;
  rotaryDim: number;
  sequenceLength: number;
}

type Result = RopeFrequencies;
type Rule<T extends RopeScaling["type"]> = (
  scaling: Extract<RopeScaling, { type: T }>,
  given: Given,
) => Result;

/** theta^(-2i / dim). */
const plain = ({ theta, rotaryDim }: Pick<Given, "theta" | "rotaryDim">): Float64Array =>
  Float64Array.from({ length: rotaryDim / 2 }, (_, i) => 1 / theta ** ((2 * i) / rotaryDim));

const rules: { readonly [T in RopeScaling["type"]]: Rule<T> } = {
  default: (_, given) => ({ inverse: plain(given), attentionScaling: 1 }),

  linear: ({ factor }, given) => ({ inverse: plain(given).map((f) => f / factor), attentionScaling: 1 }),

  // The base grows with the sequence once it is longer than the model was trained for.
  dynamic: ({ factor, maxPositions }, { theta, rotaryDim, sequenceLength }) => {
    const length = Math.max(sequenceLength, maxPositions);
    const stretch = (factor * length) / maxPositions - (factor - 1);
    return {
      inverse: plain({ theta: theta * stretch ** (rotaryDim / (rotaryDim - 2)), rotaryDim }),
      attentionScaling: 1,
    };
  },

  // Long waves are divided by the factor, short ones kept, those between interpolated.
  llama3: ({ factor, lowFreqFactor, highFreqFactor, originalMaxPositions }, given) => ({
    inverse: plain(given).map((frequency) => {
      const wavelength = (2 * Math.PI) / frequency;
      if (wavelength > originalMaxPositions / lowFreqFactor) return frequency / factor;
      if (wavelength < originalMaxPositions / highFreqFactor) return frequency;
      const smooth = (originalMaxPositions / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
      return ((1 - smooth) * frequency) / factor + smooth * frequency;
    }),
    attentionScaling: 1,
  }),

  yarn: (scaling, given) => {
    const { factor, originalMaxPositions, betaFast, betaSlow, truncate } = scaling;
    const { theta, rotaryDim } = given;
    const dimensionOf = (rotations: number): number =>
      (rotaryDim * Math.log(originalMaxPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
    const low = Math.max(truncate ? Math.floor(dimensionOf(betaFast)) : dimensionOf(betaFast), 0);
    const end = Math.min(truncate ? Math.ceil(dimensionOf(betaSlow)) : dimensionOf(betaSlow), rotaryDim - 1);
    const high = low === end ? end + 0.001 : end;
    return {
      inverse: plain(given).map((frequency, i) => {
        const kept = 1 - Math.min(Math.max((i - low) / (high - low), 0), 1);
        return (frequency / factor) * (1 - kept) + frequency * kept;
      }),
      attentionScaling: yarnScaling(scaling),
    };
  },

  longrope: ({ factor, originalMaxPositions, attentionFactor, shortFactor, longFactor }, given) => {
    const stretch = given.sequenceLength > originalMaxPositions ? longFactor : shortFactor;
    const computed = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositions));
    return {
      inverse: plain(given).map((frequency, i) => frequency / stretch[i]!),
      attentionScaling: attentionFactor ?? computed,
    };
  },
};

function yarnScaling({
  factor,
  attentionFactor,
  mscale,
  mscaleAllDim,
}: Extract<RopeScaling, { type: "yarn" }>): number {
  if (attentionFactor !== null) return attentionFactor;
  const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? scale(mscale) / scale(mscaleAllDim) : scale(1);
}

/**
 * @param options.sequenceLength longest sequence of the run in tokens (default 0): only `dynamic` and `longrope` look at it.
 */
export function ropeFrequencies(
  { theta, rotaryDim, scaling }: RopeConfig,
  { sequenceLength = 0 }: { sequenceLength?: number } = {},
): RopeFrequencies {
  // Each rule takes its own member of the union; the table's type pairs them, which indexing cannot express.
  const rule = rules[scaling.type] as (scaling: RopeScaling, given: Given) => Result;
  return rule(scaling, { theta, rotaryDim, sequenceLength });
}

/**
 * cos and sin, already multiplied by the attention scaling, for `positions` (a list, or a count: 0, 1, ...).
 * @param options.sequenceLength default: the highest position + 1
 */
export function ropeTables(
  rope: RopeConfig,
  positions: number | readonly number[],
  { sequenceLength }: { sequenceLength?: number } = {},
): RopeTables {
  const list = typeof positions === "number" ? Array.from({ length: positions }, (_, i) => i) : positions;
  if (list.some((position) => !Number.isInteger(position) || position < 0)) {
    throw new AttuneError("usage", {
      where: "ropeTables",
      expected: "whole positions >= 0",
      got: list.slice(0, 8).join(", "),
    });
  }
  const longest = sequenceLength ?? list.reduce((most, position) => Math.max(most, position + 1), 0);
  const { inverse, attentionScaling } = ropeFrequencies(rope, { sequenceLength: longest });
  const columns = inverse.length;
  const cos = new Float64Array(list.length * columns);
  const sin = new Float64Array(list.length * columns);
  list.forEach((position, row) => {
    for (let column = 0; column < columns; column++) {
      const angle = position * inverse[column]!;
      cos[row * columns + column] = Math.cos(angle) * attentionScaling;
      sin[row * columns + column] = Math.sin(angle) * attentionScaling;
    }
  });
  return { cos, sin, rows: list.length, columns };
}
