/**
 * The coefficient of the KL penalty over a run: fixed, or driven towards a target KL. Its whole state is one number.
 *
 *   kl_coef *= 1 + clip(kl / target - 1, -0.2, 0.2) * steps / horizon
 *
 * Ziegler et al. 2019 (1909.08593), section 2.2.
 */
import { AttuneError } from "../../errors.js";

export interface KlController {
  /** The coefficient for the next batch. */
  readonly value: number;
  /** After a batch of `answers` with this mean KL (nats an answer). Throws `numeric` for a KL that is no number. */
  update(kl: number, answers: number): void;
  /** JSON-safe; `createKlController(settings, state)` continues from it. */
  state(): KlControllerState;
}

export interface KlControllerState {
  readonly value: number;
}

export interface KlControllerSettings {
  /** Default "fixed". */
  kind?: "fixed" | "adaptive";
  /** Coefficient at the start. Default 0.05 fixed (TRL 0.29 PPOConfig.kl_coef), 0.2 adaptive (Ziegler et al.). */
  klCoef?: number;
  /** KL an answer that the adaptive one aims at, in nats. Default 6 (Ziegler et al.). */
  target?: number;
  /** Answers over which the coefficient can move by a fifth. Default 10,000 (Ziegler et al.). */
  horizon?: number;
}

/** Throws `config` for a setting out of range. */
export function createKlController(
  settings: KlControllerSettings = {},
  saved?: KlControllerState,
): KlController {
  const { kind = "fixed", target = 6, horizon = 10_000 } = settings;
  const { klCoef = kind === "fixed" ? 0.05 : 0.2 } = settings;
  for (const [name, x, least] of [
    ["klCoef", klCoef, kind === "fixed" ? 0 : Number.MIN_VALUE],
    ["target", target, Number.MIN_VALUE],
    ["horizon", horizon, 1],
  ] as const) {
    if (Number.isFinite(x) && x >= least) continue;
    const expected = least === 0 ? ">= 0" : least === 1 ? ">= 1" : "> 0";
    throw new AttuneError("config", { where: `advantages.klController: ${name}`, expected, got: String(x) });
  }
  let value = saved?.value ?? klCoef;
  return {
    get value() {
      return value;
    },
    update(kl, answers) {
      if (!Number.isFinite(kl)) {
        throw new AttuneError("numeric", {
          where: "advantages.klController",
          expected: "a finite KL",
          got: String(kl),
        });
      }
      if (kind === "fixed") return;
      const error = Math.max(-0.2, Math.min(0.2, kl / target - 1));
      value *= 1 + (error * answers) / horizon;
    },
    state: () => ({ value }),
  };
}
