/** Who can be asked in a run: the policy as it stands, the reference, and their mixture; the last two are opened when first asked. */
import type { SamplingOptions } from "../../generate/index.js";
import type { Backend, Resident } from "../../tensor/index.js";
import type { Policy } from "../policy.js";
import { openMixtureSampler } from "./mixture-sampler.js";
import { type OpenSampler, openSampler, type Sampler } from "./sampler.js";
import type { OnlineSettings } from "./settings.js";

export interface AnswererOptions {
  readonly backend: Backend;
  readonly policy: Policy;
  readonly parameters: Readonly<Record<string, Resident>>;
  readonly stopTokens: readonly number[];
  readonly settings: OnlineSettings;
  readonly maxPrompt: number;
  /** In place of the policy's own sampling. */
  readonly sampler: Sampler | undefined;
}

export interface Answerers {
  readonly policy: Sampler;
  readonly reference: Sampler;
  readonly mixture: Sampler;
  close(): Promise<void>;
}

export const samplingOf = (s: OnlineSettings): SamplingOptions => ({
  maxNewTokens: s.max_completion_length,
  temperature: s.temperature,
  topK: s.top_k,
  topP: s.top_p,
  minP: s.min_p,
});

/** Rows of the mixture that are drawn at a time. */
const mixtureRows = 16;

export async function openAnswerers(o: AnswererOptions): Promise<Answerers> {
  const { backend, policy, parameters, stopTokens, settings: s } = o;
  const common = { backend, policy, stopTokens, sampling: samplingOf(s) };
  const own = o.sampler === undefined ? await openSampler({ ...common, parameters }) : undefined;
  let reference: Promise<OpenSampler> | undefined;
  let mixture: OpenSampler | undefined;
  const mix = (): OpenSampler =>
    openMixtureSampler({
      backend,
      policy,
      parameters,
      stopTokens,
      mixtureCoef: s.mixture_coef,
      temperature: s.temperature,
      maxNewTokens: s.max_completion_length,
      maxPrompt: o.maxPrompt,
      rows: mixtureRows,
    });
  return {
    policy: o.sampler ?? own!.sample,
    reference: async ({ prompts, ...request }) => {
      const { sample } = await (reference ??= openSampler({ ...common, parameters: undefined }));
      // Random numbers of its own: at the start it would say what the policy says, word for word.
      return sample({
        ...request,
        prompts: prompts.map((each) => ({ ...each, id: `reference:${each.id}` })),
      });
    },
    mixture: (request) => (mixture ??= mix()).sample(request),
    close: async () => {
      await own?.close();
      await (await reference?.catch(() => undefined))?.close();
      await mixture?.close();
    },
  };
}
