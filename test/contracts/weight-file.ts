/** Weight files for tests: a few numbers at an odd place in a file of the temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { HostTensor, Shape, WeightSource } from "../../src/tensor/index.js";
import { f32 } from "./case.js";

let folder: string | undefined;
let count = 0;

function place(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "attune-contracts-"));
    process.once("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, `weights-${count++}.safetensors`);
}

/** 1.0, 1.5, ... as the upper half of a float32, and as a half: exponent bias 15, ten bits of fraction. */
const ENCODED = {
  BF16: [0x3f80, 0x3fc0, 0xbf80, 0xc020, 0x3e80, 0x4040, 0x0000, 0xbe00],
  F16: [0x3c00, 0x3e00, 0xbc00, 0xc100, 0x3400, 0x4200, 0x0000, 0xb000],
};
const VALUES = [1, 1.5, -1, -2.5, 0.25, 3, 0, -0.125];

/** Eight known numbers in a shape, stored after 11 bytes of something else. */
export function weightFile(
  shape: Shape,
  storage: WeightSource["storage"],
): { source: WeightSource; value: HostTensor } {
  const file = place();
  const offset = 11;
  const bytes = VALUES.length * (storage === "F32" ? 4 : 2);
  const buffer = Buffer.alloc(offset + bytes + 5, 0xff);
  VALUES.forEach((value, i) => {
    if (storage === "F32") buffer.writeFloatLE(value, offset + 4 * i);
    else buffer.writeUInt16LE(ENCODED[storage][i]!, offset + 2 * i);
  });
  writeFileSync(file, buffer);
  return { source: { file, offset, bytes, storage }, value: f32(shape, VALUES) };
}
