/** Who answers prompts for `attune pairs`: a model on this machine, or one behind an OpenAI-compatible endpoint. Knows no pairs. */
import { AttuneError } from "../../errors.js";
import { TokenGenerator } from "../../generate/index.js";
import type { Message } from "../../records/index.js";
import { checkAddress, postJson } from "../../rewards/post-json.js";
import type { Backend } from "../../tensor/index.js";
import { chatTemplateOf, stopTokenIds } from "../../text/index.js";
import { encodePrompt } from "../encode-prompt.js";
import { openRunningModel } from "../running-model.js";

export interface AskedPrompt {
  id: string;
  messages: Message[];
}

export interface SamplingSettings {
  temperature: number;
  topP: number;
  maxNewTokens: number;
  seed: number;
  /** Answers to each prompt. */
  samples: number;
}

export interface Answerer {
  /** As it stands in the candidates. */
  readonly name: string;
  /** Prompts worth asking at once. */
  readonly batch: number;
  /** The answers to each prompt, or why there are none. Throws `interrupted`. */
  answer(prompts: readonly AskedPrompt[], signal: AbortSignal): Promise<(string[] | AttuneError)[]>;
  close(): Promise<void>;
}

/** A model's folder or id, opened on a backend. */
export async function localAnswerer(
  model: string,
  { backend, sampling }: { backend: Backend; sampling: SamplingSettings },
): Promise<Answerer> {
  const { model: running, tokenizer } = await openRunningModel(model, { backend });
  const template = tokenizer.chatTemplates.has("default") ? chatTemplateOf(tokenizer) : undefined;
  const generator = new TokenGenerator(backend, {
    ...running,
    stopTokens: await stopTokenIds(tokenizer, template),
  });
  return {
    name: model,
    batch: 16,
    async answer(prompts, signal) {
      const tokens = await Promise.all(
        prompts.map(({ messages }) => {
          const [only] = messages;
          const plain = template === undefined && messages.length === 1 && typeof only?.content === "string";
          return encodePrompt(tokenizer, plain ? (only.content as string) : messages, { raw: false });
        }),
      );
      const { samples } = sampling;
      const ids = prompts.map(({ id }) => id);
      const completions = await generator.complete(tokens, { ...sampling, samples, ids, signal });
      return prompts.map((_, k) =>
        completions
          .filter(({ prompt }) => prompt === k)
          .toSorted((a, b) => a.sample - b.sample)
          .map(({ tokens: said, finishReason }) =>
            tokenizer.decodeContinuation(finishReason === "stop" ? said.slice(0, -1) : said).trim(),
          ),
      );
    },
    close: () => generator.close(),
  };
}

export interface EndpointSettings {
  sampling: SamplingSettings;
  apiKey: string | undefined;
  timeoutSeconds: number;
  retries: number;
  concurrency: number;
}

/** `http://host/v1#model`. Answers of one prompt are asked for one by one, each with a seed of its own. Throws `config`. */
export function endpointAnswerer(address: string, o: EndpointSettings): Answerer {
  const [base = "", model = ""] = address.split("#");
  checkAddress("attune pairs: --model", base);
  if (model === "") {
    throw new AttuneError("usage", {
      where: "attune pairs: --model",
      expected: "the endpoint and the model's name: http://host/v1#name",
      got: address,
    });
  }
  const { sampling, apiKey, timeoutSeconds, retries, concurrency } = o;
  const url = `${base.replace(/\/+$/, "")}/chat/completions`;
  async function once({ id, messages }: AskedPrompt, sample: number, signal: AbortSignal): Promise<string> {
    const reply = await postJson(
      url,
      {
        model,
        messages,
        temperature: sampling.temperature,
        top_p: sampling.topP,
        max_tokens: sampling.maxNewTokens,
        seed: sampling.seed + sample,
      },
      {
        timeoutSeconds,
        retries,
        retryDelaySeconds: 1,
        headers: apiKey === undefined ? undefined : { authorization: `Bearer ${apiKey}` },
        signal,
        where: id,
        expected: "an answer",
      },
    );
    const text = (reply as { choices?: { message?: { content?: unknown } }[] } | null)?.choices?.[0]?.message
      ?.content;
    if (typeof text === "string") return text.trim();
    throw new AttuneError("data", {
      where: id,
      expected: `a chat completion from ${url}`,
      got: JSON.stringify(reply).slice(0, 120),
    });
  }
  return {
    name: model,
    batch: concurrency,
    answer: (prompts, signal) =>
      Promise.all(
        prompts.map(async (prompt) => {
          try {
            const samples = Array.from({ length: sampling.samples }, (_, k) => k);
            return await Promise.all(samples.map((sample) => once(prompt, sample, signal)));
          } catch (cause) {
            signal.throwIfAborted();
            if (cause instanceof AttuneError) return cause;
            throw cause;
          }
        }),
      ),
    close: async () => undefined,
  };
}
