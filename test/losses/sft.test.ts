/** Every golden case of supervised fine-tuning, from log-probabilities and from whole logits. */
import { describe, expect, it } from "vitest";

import { neftuneBound, reduceLoss, sft, type SftOptions } from "../../src/losses/index.js";
import {
  add,
  argmax,
  cast,
  concat,
  constant,
  div,
  equal,
  exp,
  less,
  logSoftmax,
  maximum,
  mean,
  mul,
  neg,
  reshape,
  slice,
  sub,
  sum,
  take,
  type Tensor,
} from "../../src/tensor/index.js";
import { golden, missing } from "../support/shared.js";
import { type Built, checkCase, type Deviation, flatten, type GoldenCase, loadCases } from "./support.js";

type Tensors = Readonly<Record<string, Tensor>>;

const counts = ({ options }: GoldenCase, tokenMask: Tensor) => ({
  tokenMask,
  tokens: options["num_items_in_batch"] as number | undefined,
});

const plain = (c: GoldenCase, t: Tensors): Built => ({
  result: sft(
    { logps: t["logps"]!, mask: t["mask"]! },
    { lossType: c.options["loss_type"] as SftOptions["lossType"] },
  ),
  counts: counts(c, t["mask"]!),
});

/** Logits t predict label t + 1; -100 is no label. */
function wholeVocabulary(c: GoldenCase, t: Tensors): Built {
  const tokens = t["labels"]!.shape[1]!;
  const logits = slice(t["logits"]!, 1, { start: 0, end: tokens - 1 });
  const labels = slice(t["labels"]!, 1, { start: 1, end: tokens });
  const mask = cast(less(constant(-100, [], "int32"), labels), "float32");
  const safe = maximum(labels, constant(0, [], "int32"));
  const logps = logSoftmax(logits);
  // logsumexp(logits) = logits - logSoftmax(logits), at any entry: taken at the label.
  const logSumExp = sub(take(logits, safe), take(logps, safe));
  const result = sft(
    { logps: take(logps, safe), mask, meanLogps: mean(logps, { axes: [-1] }), logSumExp },
    {
      labelSmoothing: c.options["label_smoothing_factor"] as number,
      zLoss: c.options["z_loss_weight"] as number,
    },
  );
  const count = sum(mask);
  const masked = (x: Tensor): Tensor => div(sum(mul(x, mask)), count);
  const extra = {
    mean_token_accuracy: masked(cast(equal(argmax(logits), safe), "float32")),
    entropy: masked(neg(sum(mul(exp(logps), logps), { axes: [-1] }))),
    ...(c.name === "z_loss" ? { z_loss: masked(mul(logSumExp, logSumExp)) } : {}),
  };
  return { result, counts: counts(c, mask), extra };
}

const stack = (scalars: readonly Tensor[]): Tensor =>
  concat(
    scalars.map((x) => reshape(x, [1])),
    0,
  );

/** Micro-batches of one batch: each divided by the labels of all, or each by its own and then averaged. */
function accumulation(c: GoldenCase, t: Tensors): Built {
  const rows = flatten(c.inputs["micro_batch"]!);
  const batches = [...new Set(rows)];
  const perMean = c.name.endsWith("mean_of_means");
  const { result } = plain(c, t);
  const part = (batch: number): Tensor => {
    const rowMask = constant(
      rows.map((r) => (r === batch ? 1 : 0)),
      [rows.length],
    );
    return reduceLoss(result, {
      rowMask,
      tokenMask: t["mask"]!,
      tokens: perMean ? undefined : sum(t["mask"]!),
    });
  };
  const parts = batches.map(part);
  const total = parts.reduce((a, b) => add(a, b));
  const loss = perMean ? mul(total, 1 / parts.length) : total;
  return {
    result: { loss: stack([loss]), metrics: {} },
    extra: { micro_batch_losses: stack(parts) },
  };
}

function builderOf({ name }: GoldenCase): ((c: GoldenCase, t: Tensors) => Built) | undefined {
  if (/^(nll|dft)/.test(name)) return plain;
  if (name.startsWith("accumulation")) return accumulation;
  return /^(causal_lm|label_smoothing|z_loss)/.test(name) ? wholeVocabulary : undefined;
}

const DEVIATION: Deviation = {
  without: { mean_token_accuracy: "compared as an output: the loss sees no vocabulary", entropy: "the same" },
};

const file = "sft.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(
  `supervised fine-tuning${reason === undefined ? "" : `: ${reason}`}`,
  () => {
    const unhandled: string[] = [];
    for (const c of reason === undefined ? loadCases(file) : []) {
      const build = builderOf(c);
      if (build !== undefined) {
        it(`${c.name} agrees`, () =>
          checkCase(c, {
            build: (t) => build(c, t),
            deviation: DEVIATION,
            also(got) {
              for (const [name, want] of Object.entries(
                (c.expected["metrics"] ?? {}) as Record<string, number>,
              )) {
                expect(got[name]![0]).toBeCloseTo(want, 12);
              }
            },
          }));
      } else if (c.name.startsWith("neftune")) {
        it(`${c.name} agrees`, () => {
          const { length, dim } = c.inputs as { length: number; dim: number };
          const bound = neftuneBound(c.options["neftune_noise_alpha"] as number, { length, dim });
          expect(bound).toBeCloseTo(c.expected["bound"] as number, 12);
        });
      } else unhandled.push(c.name);
    }
    it("cases that are not handled are listed", () => expect(unhandled).toEqual([]));
  },
);
