/** The same model stored differently: bfloat16, shards, the published GPT-2's names, the other generation of config.json. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { openModelFolder, openSafetensors, readTensor64 } from "../../src/models/index.js";
import { runLanguageModel } from "../support/models.js";
import { golden, missing, readJson } from "../support/shared.js";
import { allClose } from "./model-run.js";

interface Numbers {
  mean_nll: number;
  token_log_probs: number[][];
  tensors: string;
}
interface Variant {
  name: string;
  inputs: { checkpoint: string; config?: string };
  expected: Partial<Numbers> & { same_as?: string };
}
interface Plain {
  name: string;
  inputs: { rows: number[][] };
  expected: Numbers;
}

const absent = missing(golden("models", "storage_variants.json"));
const read = <T>(name: string): T[] => (absent ? [] : readJson<{ cases: T[] }>(golden("models", name)).cases);
const variants = read<Variant>("storage_variants.json");
const plain = new Map(read<Plain>("language_models.json").map((c) => [c.name, c]));
const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
const scratch = mkdtempSync(join(tmpdir(), "attune-variants-"));
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
  rmSync(scratch, { recursive: true });
});

/** The checkpoint's folder, or a copy of it with another config.json. */
function folderOf({ name, inputs }: Variant, kind: string): string {
  const checkpoint = golden("models", inputs.checkpoint);
  if (inputs.config === undefined) return checkpoint;
  const folder = mkdtempSync(join(scratch, `${name}-${kind}-`));
  for (const file of readdirSync(checkpoint)) copyFileSync(join(checkpoint, file), join(folder, file));
  rmSync(join(folder, "config.json"), { force: true });
  copyFileSync(golden("models", inputs.config), join(folder, "config.json"));
  return folder;
}

describe.skipIf(absent !== undefined)(
  `ways of storing a model, as in golden/models${absent ? ` (${absent})` : ""}`,
  () => {
    it("every variant is of a model that is known", () => {
      expect(variants.length).toBeGreaterThan(0);
      for (const { expected } of variants) expect([...plain.keys()]).toContain(expected.same_as ?? "llama");
    });

    for (const [kind, backend] of Object.entries(backends)) {
      const tolerance = kind === "reference" ? 1e-10 : 3e-5;
      for (const variant of variants) {
        it(`${variant.name} on ${kind}`, async () => {
          // The case in bfloat16 has numbers of its own, for the rows of the case llama.
          const original = plain.get(variant.expected.same_as ?? "llama")!;
          const want =
            variant.expected.same_as === undefined ? (variant.expected as Numbers) : original.expected;
          const run = await runLanguageModel(backend, openModelFolder(folderOf(variant, kind)), {
            rows: original.inputs.rows,
          });
          allClose([run.meanNll], [want.mean_nll], {
            tolerance: kind === "reference" ? 1e-12 : 1e-5,
            name: "mean_nll",
          });
          allClose(run.tokenLogProbs, want.token_log_probs.flat(), { tolerance, name: "token_log_probs" });
          const logits = readTensor64(openSafetensors(golden("models", want.tensors)).tensors.get("logits")!);
          allClose(run.logits, Array.from(logits), { tolerance, name: "logits" });
        });
      }
    }
  },
);
