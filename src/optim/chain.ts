/** One transformation after another: each sees the gradients and parameters that the ones before it left. */
import { AttuneError } from "../errors.js";
import type { Tensor, Tree } from "../tensor/index.js";
import type { Transform } from "./transform.js";

const prefixed = <T>(prefix: string, entries: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(entries).map(([name, value]) => [`${prefix}/${name}`, value]);

const part = (prefix: string, tree: Tree): Tree =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([name, t]) =>
      name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), t]] : [],
    ),
  );

/**
 * `chain(clipByGlobalNorm(1), adamw())`. State and scalars are named `transform/...`, so that a checkpoint is readable;
 * names must differ. Metrics keep their own names.
 */
export function chain(...transforms: readonly Transform[]): Transform {
  const names = transforms.map((t) => t.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new AttuneError("usage", {
      where: "optim.chain",
      expected: "transforms of different names",
      got: `${twice} twice`,
    });
  }
  return {
    name: names.join("+"),
    state: (shapes) => Object.fromEntries(transforms.flatMap((t) => prefixed(t.name, t.state(shapes)))),
    scalars: (info) => Object.fromEntries(transforms.flatMap((t) => prefixed(t.name, t.scalars(info)))),
    update({ params, grads, state, scalars }) {
      let current = { params, grads };
      const newState: [string, Tensor][] = [];
      const metrics: [string, Tensor][] = [];
      for (const t of transforms) {
        const out = t.update({ ...current, state: part(t.name, state), scalars: part(t.name, scalars) });
        current = { params: out.params ?? current.params, grads: out.grads ?? current.grads };
        newState.push(...prefixed(t.name, out.state ?? {}));
        metrics.push(...Object.entries(out.metrics ?? {}));
      }
      return { ...current, state: Object.fromEntries(newState), metrics: Object.fromEntries(metrics) };
    },
  };
}
