/**
 * Rounding sizes up to a few values, so that a run compiles a handful of graphs. Knows nothing of batches.
 */
import { AttuneError } from "../errors.js";

export interface BucketOptions {
  /** Sizes between n and 2n that are used, at most 8; default 8: at most 12.5% is lost. 0: exact sizes. */
  stepsPerOctave?: number;
  /** Nothing is rounded to less than this; default 1. */
  minimum?: number;
}

/** How many steps an octave may have. */
export const maximumStepsPerOctave = 8;

/** The smallest allowed size >= `size`; the size itself with `stepsPerOctave: 0`. */
export function roundToBucket(
  size: number,
  { stepsPerOctave = maximumStepsPerOctave, minimum = 1 }: BucketOptions = {},
): number {
  if (!Number.isInteger(stepsPerOctave) || stepsPerOctave < 0 || stepsPerOctave > maximumStepsPerOctave) {
    throw new AttuneError("config", {
      where: "buckets: stepsPerOctave",
      expected: `a whole number from 0 (exact sizes) to ${maximumStepsPerOctave}`,
      got: String(stepsPerOctave),
    });
  }
  const wanted = Math.max(size, minimum);
  if (stepsPerOctave === 0) return wanted;
  const octave = 2 ** Math.floor(Math.log2(Math.max(wanted, 1)));
  const step = Math.max(1, octave / stepsPerOctave);
  // A step need not be whole (six steps an octave), but a size is.
  return wanted <= octave ? octave : Math.ceil(octave + Math.ceil((wanted - octave) / step) * step);
}
