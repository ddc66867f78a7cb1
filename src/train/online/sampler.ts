/** The policy as it stands, as a sampler: trained parameters are read at every run, nothing is built again. Knows no reward. */
import { type SamplingOptions, TokenGenerator } from "../../generate/index.js";
import { parameterInputs } from "../../models/index.js";
import type { Backend, Resident } from "../../tensor/index.js";
import { bindPolicy, bindReference, type Policy, uploadReference } from "../policy.js";

export interface SampleRequest {
  readonly prompts: readonly { readonly id: string; readonly tokens: readonly number[] }[];
  /** Answers of each prompt. */
  readonly samples: number;
  readonly seed: number;
  /** Default: the run's. */
  readonly temperature?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface SampledAnswer {
  /** New tokens with the stop token. */
  readonly tokens: readonly number[];
  /** Natural log of the probability under the sampler at the run's temperature, nothing cut away. */
  readonly logProbs: readonly number[];
  readonly ended: boolean;
}

/** Answers by prompt and then by sample. */
export type Sampler = (request: SampleRequest) => Promise<SampledAnswer[]>;

export interface OpenSampler {
  readonly sample: Sampler;
  close(): Promise<void>;
}

export interface SamplerOptions {
  readonly backend: Backend;
  readonly policy: Policy;
  /** The policy's trained parameters; undefined: the reference samples. */
  readonly parameters: Readonly<Record<string, Resident>> | undefined;
  readonly stopTokens: readonly number[];
  readonly sampling: SamplingOptions;
}

export async function openSampler(o: SamplerOptions): Promise<OpenSampler> {
  const { backend, policy } = o;
  const { stopTokens } = o;
  const kept = o.parameters === undefined ? await uploadReference(policy, backend) : {};
  const model =
    o.parameters === undefined ? referenceModel(policy, kept) : trainedModel(policy, o.parameters);
  const generator = new TokenGenerator(backend, { ...model, stopTokens });
  return {
    sample: async ({ prompts, samples, seed, temperature, signal }) => {
      const completions = await generator.complete(
        prompts.map(({ tokens }) => tokens),
        {
          ...o.sampling,
          ids: prompts.map(({ id }) => id),
          samples,
          seed,
          ...(temperature !== undefined && { temperature }),
          ...(signal && { signal }),
        },
      );
      return completions.map(({ tokens, temperedLogProbs, finishReason }) => ({
        tokens,
        logProbs: temperedLogProbs,
        ended: finishReason === "stop",
      }));
    },
    close: async () => {
      await generator.close();
      if (Object.keys(kept).length > 0) await backend.free(Object.values(kept));
    },
  };
}

const modelOf = ({ model, adapters }: ReturnType<typeof bindPolicy>) => ({ graph: model, adapters });

/** The reference's graph inputs under their own names, as generation takes them. */
function referenceModel(policy: Policy, kept: Readonly<Record<string, Resident>>) {
  const named = Object.fromEntries(
    [...policy.kept.keys()].map((name) => [name, kept[`reference:${name}`]!] as const),
  );
  const shapes = Object.fromEntries(Object.entries(named).map(([name, { shape }]) => [name, shape]));
  return { ...modelOf(bindReference(policy, parameterInputs(shapes))), parameters: named };
}

/** Parameters that the model itself does not have (a critic's) stay out of the graph. */
function trainedModel(policy: Policy, parameters: Readonly<Record<string, Resident>>) {
  const own = Object.fromEntries(
    Object.entries(parameters).filter(([name]) => policy.beside?.has(name) !== true),
  );
  const shapes = Object.fromEntries(Object.entries(own).map(([name, { shape }]) => [name, shape]));
  return { ...modelOf(bindPolicy(policy, parameterInputs(shapes))), parameters: own };
}
