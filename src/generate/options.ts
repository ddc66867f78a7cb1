/** The settings of a request and of an engine, each declared once: type, default, range and meaning. */
import { z } from "zod";
import { AttuneError } from "../errors.js";

/** How tokens are chosen and when a row ends. */
export const samplingSchema = z.strictObject({
  maxNewTokens: z
    .int()
    .min(1)
    .default(256)
    .describe(
      "most new tokens a row; fewer where the model's context ends (default: TRL's max_completion_length)",
    ),
  temperature: z
    .number()
    .min(0)
    .default(1)
    .describe("divides the logits; 0: always the likeliest token (default: TRL's)"),
  topK: z.int().min(0).default(0).describe("draw from the k likeliest tokens; 0: from all (default: TRL's)"),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("draw from the likeliest tokens that together reach this probability (default: TRL's)"),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("draw from tokens at least this share as likely as the likeliest; 0: from all"),
  repetitionPenalty: z
    .number()
    .gt(0)
    .default(1)
    .describe(
      "above 1: tokens of the prompt and of the answer so far become less likely; 1: off (default: transformers')",
    ),
  presencePenalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe("taken off the logits of tokens that the answer has said (default: vLLM's)"),
  frequencyPenalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe("taken off for every time that the answer has said a token (default: vLLM's)"),
  minNewTokens: z
    .int()
    .min(0)
    .default(0)
    .describe("no stop token comes before so many new tokens (default: transformers')"),
  maxTime: z
    .number()
    .gt(0)
    .max(1e6)
    .optional()
    .describe("seconds after which a request ends, with what its rows have said (default: none)"),
  seed: z
    .int()
    .min(0)
    .default(0)
    .describe("a row's text follows from the seed and the row, whatever else is generated"),
  samples: z.int().min(1).default(1).describe("completions of each prompt, which is read once"),
  stopTokens: z
    .array(z.int().min(0))
    .optional()
    .describe("token ids that end a row (default: those of the model's config and generation config)"),
});

export type SamplingOptions = z.input<typeof samplingSchema>;
export type Sampling = z.output<typeof samplingSchema>;

/** What an engine may use. */
export const engineSchema = z.strictObject({
  maxRows: z.int().min(1).max(1024).default(64).describe("rows decoded together"),
  maxCacheBytes: z
    .number()
    .gt(0)
    .default(2 ** 31)
    .describe(
      "memory for keys and values; fewer rows are decoded together where they would need more (default 2 GiB)",
    ),
  prefillTokens: z
    .int()
    .min(16)
    .default(2048)
    .describe(
      "padded prompt tokens read in one run (default: products gain nothing beyond; attention's memory grows)",
    ),
  prepack: z
    .boolean()
    .optional()
    .describe(
      "repack frozen weights for decoding: about a quarter faster, for a copy of the weights in every program (default: where that copy is at most 1 GiB)",
    ),
});

export type EngineOptions = z.input<typeof engineSchema>;
export type EngineSettings = z.output<typeof engineSchema>;

/** Checks options and fills in defaults. Throws `config` and names the option. */
export function readOptions<T>(schema: z.ZodType<T>, given: unknown, where: string): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys : [])].join(".");
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], given);
  throw new AttuneError("config", {
    where: `${where}: ${path}`,
    expected: issue.code === "unrecognized_keys" ? "a known option" : issue.message,
    got: issue.code === "unrecognized_keys" ? issue.keys.join(", ") : (JSON.stringify(value) ?? "nothing"),
  });
}
