/** KL estimates: straight-through forms have one estimator's value and the gradient of the KL itself. */
import { describe, expect, it } from "vitest";

import { fullKl, klEstimate, type KlEstimator } from "../../src/losses/index.js";
import {
  constant,
  exp,
  grad,
  input,
  logSoftmax,
  mul,
  stopGradient,
  sum,
  type Tensor,
} from "../../src/tensor/index.js";
import { evaluate } from "./support.js";

const LOGITS = [0.3, -1.2, 0.8, 2.1];
const REFERENCE = [1.1, 0.4, -0.7, 0.2];

/** Value and gradient of the mean, over what the policy samples, of an estimate. */
async function expected(build: (logits: Tensor, ref: Tensor) => Tensor) {
  const logits = input("logits", [4]);
  const loss = build(logits, constant(REFERENCE, [4]));
  const got = await evaluate(
    { loss, slope: grad(loss, [logits])[0]! },
    {
      inputs: { logits },
      feeds: { logits: { shape: [4], dtype: "float32", data: Float64Array.from(LOGITS) } },
    },
  );
  return { value: got["loss"]![0]!, slope: got["slope"]! };
}

/** Samples are held fixed: each token's estimate is weighted by its probability, which carries no gradient. */
const sampled = (estimator: KlEstimator) => (logits: Tensor, ref: Tensor) => {
  const logps = logSoftmax(logits);
  return sum(mul(stopGradient(exp(logps)), klEstimate(logps, logSoftmax(ref), estimator)));
};

describe("KL estimates", () => {
  it.each(["k1", "k3", "k1+", "k3+"] as const)("%s is the KL on average", async (estimator) => {
    const { value } = await expected(fullKl);
    expect((await expected(sampled(estimator))).value).toBeCloseTo(value, 12);
  });
  it.each(["k2", "k1+", "k3+"] as const)("%s has the gradient of the KL on average", async (estimator) => {
    const { slope } = await expected(fullKl);
    (await expected(sampled(estimator))).slope.forEach((x, i) => expect(x).toBeCloseTo(slope[i]!, 12));
  });
  it.each(["k1", "k3"] as const)("%s as a loss follows another gradient", async (estimator) => {
    const { slope } = await expected(fullKl);
    const other = (await expected(sampled(estimator))).slope;
    expect(Math.max(...other.map((x, i) => Math.abs(x - slope[i]!)))).toBeGreaterThan(0.1);
  });
});
