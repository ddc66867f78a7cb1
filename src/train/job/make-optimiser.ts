/** The optimiser that the settings ask for. Knows no loop. */
import { AttuneError } from "../../errors.js";
import {
  adafactor,
  adamw,
  chain,
  clipByGlobalNorm,
  type DecayMask,
  lion,
  rmsprop,
  sgd,
  type Transform,
} from "../../optim/index.js";
import type { Policy } from "../policy.js";
import type { CommonSettings } from "./config.js";
import type { optimisers } from "./settings.js";

type OptimiserName = (typeof optimisers)[number];
type Extra = "adam_beta1" | "adam_beta2" | "adam_epsilon" | "momentum";

/** What each optimiser reads beside the rate and the decay. */
const reads: Readonly<Record<OptimiserName, readonly Extra[]>> = {
  adamw: ["adam_beta1", "adam_beta2", "adam_epsilon"],
  adafactor: [],
  lion: ["adam_beta1", "adam_beta2"],
  rmsprop: ["adam_epsilon", "momentum"],
  sgd: ["momentum"],
};

export type OptimiserSettings = Pick<CommonSettings, "optim" | "weight_decay" | "max_grad_norm" | Extra>;

/** Throws `config` for a setting that the chosen optimiser does not read. */
export function makeOptimiser(s: OptimiserSettings, policy: Policy): Transform {
  for (const name of ["adam_beta1", "adam_beta2", "adam_epsilon", "momentum"] as const) {
    if (s[name] === undefined || reads[s.optim].includes(name)) continue;
    throw new AttuneError("config", {
      where: name,
      expected: `a setting of ${s.optim}: ${reads[s.optim].join(", ") || "it has none"}`,
      got: `${name} ${s[name]}`,
      fix: `leave it out, or choose --optim ${Object.entries(reads).find(([, names]) => names.includes(name))![0]}`,
    });
  }
  const decay: DecayMask = (name) => policy.trainable.get(name)?.decay ?? true;
  const common = { weightDecay: s.weight_decay, decay };
  const betas = {
    ...(s.adam_beta1 !== undefined && { beta1: s.adam_beta1 }),
    ...(s.adam_beta2 !== undefined && { beta2: s.adam_beta2 }),
  };
  const eps = s.adam_epsilon === undefined ? {} : { eps: s.adam_epsilon };
  const momentum = s.momentum === undefined ? {} : { momentum: s.momentum };
  const makers: Readonly<Record<OptimiserName, () => Transform>> = {
    adamw: () => adamw({ ...common, ...betas, ...eps }),
    adafactor: () => adafactor({ ...common, scaleParameter: false, relativeStep: false }),
    lion: () => lion({ ...common, ...betas }),
    rmsprop: () => rmsprop({ ...common, ...eps, ...momentum }),
    sgd: () => sgd({ ...common, ...momentum }),
  };
  const update = makers[s.optim]();
  return s.max_grad_norm > 0 ? chain(clipByGlobalNorm(s.max_grad_norm), update) : update;
}
