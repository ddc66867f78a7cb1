/** The error for an input that a loss needs and did not get. */
import { AttuneError } from "../errors.js";
import type { Tensor } from "../tensor/index.js";

/** The tensor of that name among `inputs`. Throws `usage` where it is missing; `why` says when it is needed. */
export function needed(
  where: string,
  inputs: object,
  { name, why = "" }: { name: string; why?: string },
): Tensor {
  const x = (inputs as Readonly<Record<string, Tensor | undefined>>)[name];
  if (x !== undefined) return x;
  throw new AttuneError("usage", { where, expected: `${name}${why}`, got: "nothing" });
}
