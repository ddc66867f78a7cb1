/** What a training or evaluation run was: enough to repeat it. Knows no trainer. */
import { z } from "zod";

const hash = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in hex");

export const Run = z.strictObject({
  id: z.string().min(1),
  method: z.string().min(1),
  status: z.enum(["running", "finished", "interrupted", "failed"]),
  started_at: z.string(),
  finished_at: z.string().optional(),
  seed: z.number().int().min(0),
  /** The resolved config, defaults written out. */
  config: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.string()),
  model: z.strictObject({ path: z.string(), hashes: z.record(z.string(), hash).optional() }).optional(),
  data: z.array(z.strictObject({ path: z.string(), sha256: hash, rows: z.number().int().min(0).optional() })),
  /** Last value of every metric. */
  metrics: z.record(z.string(), z.number()).optional(),
  checkpoint: z.string().optional(),
});
export type Run = z.infer<typeof Run>;
