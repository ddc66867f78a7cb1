/**
 * Finds what went wrong when a number is not finite: the first tensor, by running the forward graph once more with a probe
 * on every float, or the gradients that are not finite.
 */
import { askedReference, bindPolicy } from "./policy.js";
import { parameterInputs } from "../models/index.js";
import { constant, input, mul, sum, type Tensor, topological } from "../tensor/index.js";
import type { StepPrograms } from "./step-programs.js";
import type { Trainer } from "./trainer.js";

/** A sentence: which tensor, and which parameter it was made with. */
export async function diagnose<B>(trainer: Trainer<B>, batch: B, programs: StepPrograms<B>): Promise<string> {
  const { parameters, backend } = programs;
  const shapes = Object.fromEntries(Object.entries(parameters).map(([name, r]) => [name, r.shape]));
  const tree = parameterInputs(shapes);
  const reference = askedReference(trainer.policy);
  const traced = trainer.trace(batch, {
    policy: bindPolicy(trainer.policy, tree),
    reference: reference.bound,
    recompute: "none",
    detail: false,
    training: false,
    state: stateTensors(trainer, programs),
  });
  const probes: { label: string; probe: Tensor }[] = [];
  for (const node of topological([traced.result.loss])) {
    node.outputs.forEach((type, index) => {
      // The chain of masks is made of large negative numbers on purpose; they are finite, so 0 * x tells.
      if (type.dtype === "float32")
        probes.push({
          label: labelOf({ node, index, ...type }),
          probe: sum(mul({ node, index, ...type }, 0)),
        });
    });
  }
  const outputs = Object.fromEntries(probes.map(({ probe }, i) => [`p${i}`, probe]));
  const total = (name: string): Tensor => input(name, []);
  const inputs = {
    ...traced.inputs,
    ...tree,
    ...reference.inputs(),
    "total:rows": total("total:rows"),
    "total:tokens": total("total:tokens"),
  };
  const program = await backend.compile({ inputs, outputs });
  const kept = reference.asked() ? await programs.referenceFeeds() : {};
  const results = await program.run({ ...trainer.feeds(batch), ...parameters, ...kept });
  await program.release();
  const bad = probes.findIndex((_, i) => Number.isNaN(results[`p${i}`]!.data[0]!));
  return bad < 0
    ? "every forward tensor is finite: the gradient overflowed"
    : `the first tensor that went wrong is ${probes[bad]!.label}`;
}

/** A sentence: which gradients are not finite, read from where the last step left them. */
export async function diagnoseGradients<B>({ gradients, backend }: StepPrograms<B>): Promise<string> {
  const bad: string[] = [];
  for (const [name, r] of Object.entries(gradients)) {
    const { data } = await backend.download(r);
    if (!data.every((x) => Number.isFinite(x))) bad.push(name);
  }
  if (bad.length === 0) return "every gradient is finite: their norm overflowed";
  const rest = bad.length > 1 ? ` and of ${bad.length - 1} more` : "";
  return `the loss is finite, but not the gradient of ${bad[0]}${rest}`;
}

/** The loss's state as literals: nothing is learned from it here. */
const stateTensors = <B>(trainer: Trainer<B>, { carried }: StepPrograms<B>): Record<string, Tensor> =>
  Object.fromEntries(Object.keys(trainer.state ?? {}).map((name) => [name, constant(carried[name]!)]));

function labelOf({ node, shape }: Tensor): string {
  const named = [node, ...node.inputs.map((t) => t.node)].flatMap((n) =>
    "name" in n.attrs ? [String(n.attrs.name)] : [],
  );
  const from = named.length > 0 ? ` of ${named.join(", ")}` : "";
  return `${node.op}${from} [${shape.join(", ")}]`;
}
