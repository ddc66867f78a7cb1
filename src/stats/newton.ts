/** The maximum of a concave function by Newton's method (or Fisher scoring) with step halving. Knows no statistic. */
import { AttuneError } from "../errors.js";
import { choleskyFactor, solveFactored, type Matrix } from "./linear-algebra.js";

export interface Objective {
  /** May be -Infinity outside the domain. */
  valueAt(parameters: readonly number[]): number;
  /** Gradient, and a positive definite curvature (minus the Hessian, or its expectation). */
  derive(parameters: readonly number[]): { score: readonly number[]; curvature: Matrix };
}

/** Steps until the largest is below 1e-10. Refuses (`numeric`, in the name of `where`) when there is no finite maximum. */
export function maximize(
  { valueAt, derive }: Objective,
  {
    where,
    start,
    fix,
    steps = 200,
  }: { where: string; start: readonly number[]; fix: string; steps?: number },
): { parameters: number[]; iterations: number } {
  let parameters = [...start];
  let value = valueAt(parameters);
  for (let iterations = 0; ; iterations++) {
    const { score, curvature } = derive(parameters);
    const factor = choleskyFactor(curvature);
    if (factor === null || iterations >= steps || parameters.some((parameter) => Math.abs(parameter) > 1e3)) {
      throw new AttuneError("numeric", {
        where,
        expected: "a finite maximum of the likelihood",
        got: `none after ${iterations} steps: an effect that always or never comes with a win has no finite size`,
        fix,
      });
    }
    const step = solveFactored(factor, score);
    let moved = false;
    for (let scale = 1; scale > 1e-10; scale /= 2) {
      const next = parameters.map((parameter, k) => parameter + scale * step[k]!);
      const there = valueAt(next);
      if (there >= value - 1e-13 * Math.abs(value)) {
        parameters = next;
        value = there;
        moved = true;
        break;
      }
    }
    if (!moved || Math.max(...step.map(Math.abs)) < 1e-10) return { parameters, iterations };
  }
}
