/**
 * The prompt's own tokens as targets, for objectives whose likelihood term covers prompt and answer (TRL's ORPO).
 * Read off a batch: every prompt token but the first is predicted by the one before it.
 */
import { type Batch, roundToBucket } from "../../data/index.js";
import { targetLogProbs } from "../../models/index.js";
import { gather, input, type Tensor, type Tree } from "../../tensor/index.js";
import type { BoundModel } from "../policy.js";
import type { Feeds } from "../trainer.js";

interface PromptTargets {
  sources: Int32Array; // [groups * width]
  labels: Int32Array; // [groups * width]
  mask: Float32Array; // [groups * width]
  groups: number;
  width: number;
}

function promptTargets(batch: Batch): PromptTargets {
  const { groups, length, completionsPerGroup } = batch;
  const lists: number[][] = [];
  for (let g = 0; g < groups; g++) {
    const first = g * completionsPerGroup;
    if (batch.sequenceMask[first] === 0) continue;
    // The completion's first target is predicted by the prompt's last token; walk back through its segment.
    const last = batch.sources[batch.grid[first * batch.width]!]!;
    const segment = batch.segments[last]!;
    const row = Math.floor(last / length) * length;
    const list: number[] = [];
    for (let at = last; at > row && batch.segments[at - 1] === segment; at--) list.push(at - 1);
    lists[g] = list.reverse();
  }
  const width = roundToBucket(Math.max(1, ...lists.map((l) => l?.length ?? 0)));
  const out: PromptTargets = {
    sources: new Int32Array(groups * width),
    labels: new Int32Array(groups * width),
    mask: new Float32Array(groups * width),
    groups,
    width,
  };
  lists.forEach((list, g) =>
    list.forEach((at, t) => {
      out.sources[g * width + t] = at;
      out.labels[g * width + t] = batch.inputIds[at + 1]!;
      out.mask[g * width + t] = 1;
    }),
  );
  return out;
}

export function promptFeeds(batch: Batch): Feeds {
  const { sources, labels, mask, groups, width } = promptTargets(batch);
  return {
    promptSources: { shape: [groups * width], dtype: "int32", data: sources },
    promptLabels: { shape: [groups * width], dtype: "int32", data: labels },
    promptMask: { shape: [groups, width], dtype: "float32", data: mask },
    promptGrid: {
      shape: [groups, width],
      dtype: "int32",
      data: Int32Array.from({ length: groups * width }, (_, i) => i),
    },
  };
}

/** Log-probabilities of prompt tokens [groups, width] and their mask. */
export function promptLogps(
  bound: BoundModel,
  hidden: Tensor,
  batch: Batch,
): { logps: Tensor; mask: Tensor; inputs: Tree } {
  const { groups, width } = promptTargets(batch);
  const sources = input("promptSources", [groups * width], "int32");
  const labels = input("promptLabels", [groups * width], "int32");
  const mask = input("promptMask", [groups, width]);
  const grid = input("promptGrid", [groups, width], "int32");
  const logps = gather(targetLogProbs(bound.model, hidden, { sources, labels }), grid);
  return {
    logps,
    mask,
    inputs: { promptSources: sources, promptLabels: labels, promptMask: mask, promptGrid: grid },
  };
}

/** Part of the shape of a batch that carries prompt targets. */
export const promptShape = (batch: Batch): string => `p${promptTargets(batch).width}`;
