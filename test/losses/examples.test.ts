/** The examples in doc comments of losses and optimisers run, and give what they say. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import * as losses from "../../src/losses/index.js";
import * as optim from "../../src/optim/index.js";
import * as tensor from "../../src/tensor/index.js";
import { repositoryRoot } from "../support/shared.js";
import { evaluate } from "./support.js";

interface Example {
  file: string;
  code: string;
  /** `name = [numbers]` of the last line. */
  name: string;
  want: number[];
}

function examplesOf(folder: string): Example[] {
  const files = readdirSync(join(repositoryRoot, "src", folder), { recursive: true, encoding: "utf8" });
  return files.flatMap((file) => {
    if (!file.endsWith(".ts")) return [];
    const text = readFileSync(join(repositoryRoot, "src", folder, file), "utf8");
    return [...text.matchAll(/^ \* @example\n((?: \*.*\n)+?) \*\//gm)].map(([, block]) => {
      const code = block!.replaceAll(/^ \* ?/gm, "");
      const result = /^\/\/ (\w+) = (.*)$/m.exec(code);
      if (result === null) throw new Error(`${folder}/${file}: an example without its result`);
      const want = JSON.parse(result[2]!.startsWith("[") ? result[2]! : `[${result[2]!}]`) as number[];
      return { file: `${folder}/${file}`, code, name: result[1]!, want };
    });
  });
}

const scope = { ...tensor, ...optim, ...losses };

async function resultOf({ code, name }: Example): Promise<number[]> {
  const run = new Function(...Object.keys(scope), `${code}\nreturn ${name};`) as (
    ...values: unknown[]
  ) => unknown;
  const value = run(...Object.values(scope));
  if (typeof value === "number") return [value];
  if (Array.isArray(value)) return value as number[];
  return (await evaluate({ value: value as tensor.Tensor }))["value"]!;
}

const examples = [...examplesOf("losses"), ...examplesOf("optim")];

describe("examples in doc comments", () => {
  it.each(examples.map((example) => [example.file, example] as const))("%s", async (_, example) => {
    const got = await resultOf(example);
    expect(got.length).toBe(example.want.length);
    example.want.forEach((want, i) =>
      expect(got[i], `${example.name}[${i}] of ${String(got)}`).toBeCloseTo(want, 6),
    );
  });
  it("are there for every loss", () => {
    const entries = [...Object.values(losses.PAIR_LOSSES), ...Object.values(losses.UNPAIRED_LOSSES)];
    expect(examples.length).toBeGreaterThanOrEqual(entries.length);
  });
});
