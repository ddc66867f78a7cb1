/**
 * Dropout on the input of every adapter's A, in training only, as peft has it (`lora_dropout`): entries are 0 with probability
 * p, the others are divided by 1 - p. Knows no loss and no layer.
 *
 * Which entries is a function of seed, step, module and the tokens up to the place, so that a run repeats and resumes byte for
 * byte, and neither packing nor the cut into micro-batches changes a number. There are 1,021 patterns for every width, as
 * rows of a table in which every entry is kept equally often: a place takes the row (a k1 + b k2 + c) mod 1021, where k1 and k2
 * are hashes of its tokens and a, b, c are drawn anew for every step and module.
 *
 * Deviation: two places with the same tokens before them (a prompt's two answers share it, examples share a system prompt)
 * drop the same entries in that step.
 */
import type { Batch } from "../data/index.js";
import type { AdaptedModules, LoraTarget } from "../models/index.js";
import {
  add,
  type Backend,
  cast,
  gather,
  type HostTensor,
  input,
  less,
  matmul,
  mul,
  reshape,
  type Resident,
  slice,
  sub,
  type Tensor,
  type Tree,
  where,
} from "../tensor/index.js";
import { createRandom } from "../util/random.js";
import type { Policy } from "./policy.js";

/** Rows of a table: a prime, so that different tokens and modules meet in a row only by chance. */
const patterns = 1021;

/** Hashes of every place's tokens, [2, rows * length]: those of its segment up to it, after those of the parent segment. */
export function tokenKeys({ rows, length, inputIds, segments, parents }: Batch): Float32Array {
  const size = rows * length;
  const keys = new Float32Array(2 * size);
  for (let row = 0; row < rows; row++) {
    const ends = new Map<number, readonly [number, number]>();
    for (let t = row * length; t < (row + 1) * length; t++) {
      const [first, second] = ends.get(segments[t]!) ?? ends.get(parents[t]!) ?? [0x9e3779b9, 0x85ebca6b];
      const next = [mixed(first, inputIds[t]!), mixed(second ^ 0x27d4eb2f, inputIds[t]!)] as const;
      ends.set(segments[t]!, next);
      keys[t] = next[0] % patterns;
      keys[size + t] = next[1] % patterns;
    }
  }
  return keys;
}

function mixed(hash: number, token: number): number {
  let x = Math.imul(hash ^ (token + 1), 0xcc9e2d51);
  x = Math.imul(x ^ (x >>> 15), 0x1b873593);
  return (x ^ (x >>> 13)) >>> 0;
}

const targetsOf = ({ lora }: Policy): readonly LoraTarget[] => lora?.spec.targets ?? [];
const widthsOf = (policy: Policy): number[] => [...new Set(targetsOf(policy).map(({ inSize }) => inSize))];
const tableName = (width: number): string => `dropout:table:${width}`;

/** Whether a policy drops anything in training. */
export const drops = ({ lora }: Policy): boolean => (lora?.config.dropout ?? 0) > 0;

/** Numbers that dropout holds: in its tables, and for a place of a batch, whose factors every adapter keeps for its gradient. */
export function dropoutNumbers(policy: Policy): { tables: number; place: number } {
  if (!drops(policy)) return { tables: 0, place: 0 };
  return {
    tables: widthsOf(policy).reduce((sum, width) => sum + patterns * width, 0),
    place: targetsOf(policy).reduce((sum, { inSize }) => sum + inSize, 0),
  };
}

/** Graph inputs that say what is dropped. */
export function dropoutInputs(policy: Policy): Tree {
  const modules = targetsOf(policy).length;
  return {
    "dropout:factors": input("dropout:factors", [modules, 2]),
    "dropout:offsets": input("dropout:offsets", [modules, 1]),
    ...Object.fromEntries(
      widthsOf(policy).map((width) => [tableName(width), input(tableName(width), [patterns, width])]),
    ),
  };
}

/** The tables, [patterns, width] each: 0 where dropped, else what makes the mean of every column 1. */
export async function uploadTables(policy: Policy, backend: Backend): Promise<Record<string, Resident>> {
  const { dropout } = policy.lora!.config;
  const dropped = Math.min(patterns - 1, Math.max(1, Math.round(dropout * patterns)));
  const residents: Record<string, Resident> = {};
  for (const width of widthsOf(policy)) {
    const random = createRandom(policy.seed, { stream: `dropout/${width}` });
    const data = new Float32Array(patterns * width).fill(patterns / (patterns - dropped));
    const rows = Array.from({ length: patterns }, (_, row) => row);
    for (let column = 0; column < width; column++) {
      for (let i = 0; i < dropped; i++) {
        const j = i + random.integer(patterns - i);
        [rows[i], rows[j]] = [rows[j]!, rows[i]!];
        data[rows[i]! * width + column] = 0;
      }
    }
    residents[tableName(width)] = await backend.upload({ shape: [patterns, width], dtype: "float32", data });
  }
  return residents;
}

/** What the step draws: a, b and c of every module. */
export function dropoutFeeds(policy: Policy, step: number): Record<string, HostTensor> {
  const modules = targetsOf(policy).length;
  const random = createRandom(policy.seed, { stream: `dropout/step/${step}` });
  const draw = (count: number, least: number): Float32Array =>
    Float32Array.from({ length: count }, () => least + random.integer(patterns - least));
  return {
    "dropout:factors": { shape: [modules, 2], dtype: "float32", data: draw(2 * modules, 1) },
    "dropout:offsets": { shape: [modules, 1], dtype: "float32", data: draw(modules, 0) },
  };
}

/** The adapted modules with their dropout, for places with the keys given, [2, places]. */
export function withDropout(
  policy: Policy,
  o: { adapters: AdaptedModules; inputs: Tree; keys: Tensor },
): AdaptedModules {
  const { inputs, keys } = o;
  // Whole numbers below 2^24, which float32 holds exactly.
  const mixed = add(matmul(inputs["dropout:factors"]!, keys), inputs["dropout:offsets"]!);
  const rows = modulo(mixed); // int32 [modules, places]
  const dropped = new Map(o.adapters);
  targetsOf(policy).forEach(({ module, inSize }, i) => {
    const own = reshape(slice(rows, 0, { start: i, end: i + 1 }), [-1]);
    const drop = (x: Tensor): Tensor => mul(x, gather(inputs[tableName(inSize)]!, own));
    dropped.set(module, { ...o.adapters.get(module)!, drop });
  });
  return dropped;
}

/** x mod patterns; the quotient may be one off by rounding. */
function modulo(x: Tensor): Tensor {
  const quotient = cast(cast(mul(x, 1 / patterns), "int32"), "float32");
  const rest = sub(x, mul(quotient, patterns));
  const low = where(less(rest, 0), add(rest, patterns), rest);
  return cast(where(less(low, patterns), low, sub(low, patterns)), "int32");
}
