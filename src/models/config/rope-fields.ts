/**
 * Reads rotary settings in both generations: `rope_theta` + `rope_scaling` (transformers 4) and `rope_parameters`
 * (5.x, which wins where both are given). Knows nothing of the mathematics (`../rope.ts`).
 */
import { Fields, isRecord } from "./fields.js";
import type { RopeConfig, RopeScaling } from "./types.js";

export interface RopeDefaults {
  /** Base when the file has none. */
  theta: number;
  headDim: number;
  maxPositions: number;
  /** Family reads `partial_rotary_factor`; elsewhere anything but 1 is refused. */
  partial?: boolean;
}

/** One rope for the whole model. */
export function readRope(config: Fields, defaults: RopeDefaults): RopeConfig {
  const parameters = config.child("rope_parameters");
  return joinRope(config, { parameters, thetaKey: "rope_theta", scalingKey: "rope_scaling", defaults });
}

/** Gemma-3: one rope for the layers that see everything, one for those with a window. */
export function readRopePair(
  config: Fields,
  { full, sliding }: { full: RopeDefaults; sliding: RopeDefaults },
): { full: RopeConfig; sliding: RopeConfig } {
  const parameters = config.child("rope_parameters");
  const nested =
    parameters !== undefined &&
    (isRecord(parameters.raw["full_attention"]) || isRecord(parameters.raw["sliding_attention"]));
  return {
    full: joinRope(config, {
      parameters: nested ? parameters.child("full_attention") : parameters,
      thetaKey: "rope_theta",
      scalingKey: "rope_scaling",
      defaults: full,
    }),
    sliding: joinRope(config, {
      parameters: nested ? parameters.child("sliding_attention") : undefined,
      thetaKey: "rope_local_base_freq",
      scalingKey: undefined,
      defaults: sliding,
    }),
  };
}

interface Source {
  parameters: Fields | undefined;
  thetaKey: string;
  scalingKey: string | undefined;
  defaults: RopeDefaults;
}

function joinRope(config: Fields, { parameters, thetaKey, scalingKey, defaults }: Source): RopeConfig {
  const old = scalingKey === undefined ? undefined : config.child(scalingKey);
  const scaling = parameters ?? old;
  const theta = parameters?.given("rope_theta")
    ? parameters.number("rope_theta")
    : config.number(thetaKey, { fallback: defaults.theta });
  const place = [parameters, old, config].find((x) => x?.given("partial_rotary_factor")) ?? config;
  const partial = place.number("partial_rotary_factor", { max: 1, fallback: 1 });
  if (partial !== 1 && !defaults.partial)
    place.refuse("partial_rotary_factor", { expected: "1 for this architecture" });
  const rotaryDim = Math.trunc(defaults.headDim * partial);
  if (rotaryDim < 2 || rotaryDim % 2 !== 0) {
    place.refuse("partial_rotary_factor", {
      expected: `an even number of rotated elements, not ${rotaryDim}`,
    });
  }
  return {
    theta,
    rotaryDim,
    scaling:
      scaling === undefined ? { type: "default" } : readScaling(scaling, { config, defaults, rotaryDim }),
  };
}

interface Context {
  config: Fields;
  defaults: RopeDefaults;
  rotaryDim: number;
}

type Reader = (scaling: Fields, context: Context) => RopeScaling;

const readers: Readonly<Record<RopeScaling["type"], Reader>> = {
  default: () => ({ type: "default" }),
  linear: (scaling) => ({ type: "linear", factor: scaling.number("factor", { min: 1 }) }),
  dynamic: (scaling, context) => ({
    type: "dynamic",
    factor: scaling.number("factor", { min: 1 }),
    maxPositions: context.defaults.maxPositions,
  }),
  llama3: (scaling) => {
    const lowFreqFactor = scaling.number("low_freq_factor");
    const highFreqFactor = scaling.number("high_freq_factor");
    if (highFreqFactor <= lowFreqFactor)
      scaling.refuse("high_freq_factor", { expected: `more than low_freq_factor ${lowFreqFactor}` });
    return {
      type: "llama3",
      factor: scaling.number("factor", { min: 1 }),
      lowFreqFactor,
      highFreqFactor,
      originalMaxPositions: scaling.integer("original_max_position_embeddings"),
    };
  },
  yarn: (scaling, context) => {
    const originalMaxPositions = originalLength(scaling, context) ?? context.defaults.maxPositions;
    return {
      type: "yarn",
      factor: scaling.number("factor", {
        min: 1,
        fallback: context.defaults.maxPositions / originalMaxPositions,
      }),
      originalMaxPositions,
      betaFast: scaling.number("beta_fast", { fallback: 32 }),
      betaSlow: scaling.number("beta_slow", { fallback: 1 }),
      attentionFactor: scaling.optionalNumber("attention_factor"),
      mscale: scaling.given("mscale") ? scaling.number("mscale", { min: 0 }) : null,
      mscaleAllDim: scaling.given("mscale_all_dim") ? scaling.number("mscale_all_dim", { min: 0 }) : null,
      truncate: scaling.boolean("truncate", true),
    };
  },
  longrope: (scaling, context) => {
    const originalMaxPositions =
      originalLength(scaling, context) ??
      scaling.refuse("original_max_position_embeddings", {
        expected: "the length before stretching, here or at top level",
      });
    const length = context.rotaryDim / 2;
    // Phi-3 states the length at top level and no factor; then the factor is the ratio of the two lengths.
    const ratio = context.defaults.maxPositions / originalMaxPositions;
    return {
      type: "longrope",
      factor: context.config.given("original_max_position_embeddings")
        ? ratio
        : scaling.number("factor", { fallback: ratio }),
      originalMaxPositions,
      attentionFactor: scaling.optionalNumber("attention_factor"),
      shortFactor: scaling.numbers("short_factor", { length }),
      longFactor: scaling.numbers("long_factor", { length }),
    };
  },
};

const originalLength = (scaling: Fields, { config }: Context): number | undefined =>
  [config, scaling]
    .find((x) => x.given("original_max_position_embeddings"))
    ?.integer("original_max_position_embeddings");

/** Reads `rope_type` (or the older `type`) and what belongs to it. */
function readScaling(scaling: Fields, context: Context): RopeScaling {
  const key = scaling.given("rope_type") ? "rope_type" : "type";
  // `su` is what the first Phi-3 files called longrope.
  const table = { ...readers, su: readers.longrope };
  return scaling.choice(key, { table, fallback: "default" })(scaling, context);
}
