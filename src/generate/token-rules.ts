/**
 * What changes a row's logits before temperature and truncation: bias, fewest tokens, penalties, constrained choice. One
 * object a row, because penalties count what the row has said.
 *
 * Order and formulas are those of vLLM and transformers:
 *   bias        l + b
 *   min tokens  stop tokens cannot come
 *   repetition  l / p where l > 0, else l p, for tokens of the prompt and of the answer     Keskar et al. 2019 (1909.05858), 4.1
 *   frequency   l - f * (times said)          presence   l - p * [said], for tokens of the answer alone (OpenAI)
 *   choice      all but what may follow cannot come
 */
import { AttuneError } from "../errors.js";
import type { ChoiceNode, ChoiceTree } from "./choice-tree.js";
import type { Sampling } from "./options.js";

export interface TokenRules {
  /** Changes a row of logits in place. */
  apply(logits: Float64Array): void;
  /** Takes the token that was chosen; true when nothing may follow. */
  take(token: number): boolean;
}

export interface RuleSettings {
  readonly sampling: Sampling;
  readonly prompt: readonly number[];
  readonly stop: ReadonlySet<number>;
  readonly bias: ReadonlyMap<number, number>;
  readonly choices: ChoiceTree | undefined;
}

/** Token ids and what is added to their logits. Throws `usage` for ids that are no tokens, `config` for what is not finite. */
export function readBias(
  given: Readonly<Record<number, number>>,
  vocabSize: number,
): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(given).map(([key, bias]) => {
      const id = Number(key);
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
        const expected = `token ids from 0 to ${vocabSize - 1}`;
        throw new AttuneError("usage", { where: "generate: logitBias", expected, got: key });
      }
      if (!Number.isFinite(bias)) {
        const where = `generate: logitBias: ${key}`;
        throw new AttuneError("config", { where, expected: "a finite number", got: String(bias) });
      }
      return [id, bias];
    }),
  );
}

/** Undefined where a row's logits are to stay as they are. */
export function tokenRules(settings: RuleSettings): TokenRules | undefined {
  const { sampling, bias, choices } = settings;
  const { repetitionPenalty, presencePenalty, frequencyPenalty, minNewTokens } = sampling;
  const untouched =
    bias.size === 0 &&
    choices === undefined &&
    repetitionPenalty === 1 &&
    presencePenalty === 0 &&
    frequencyPenalty === 0 &&
    minNewTokens === 0;
  return untouched ? undefined : new Rules(settings);
}

/** The distinct tokens of prompts, which samples share. */
const promptTokens = new WeakMap<readonly number[], ReadonlySet<number>>();

function tokensOf(prompt: readonly number[]): ReadonlySet<number> {
  let tokens = promptTokens.get(prompt);
  if (tokens === undefined) promptTokens.set(prompt, (tokens = new Set(prompt)));
  return tokens;
}

class Rules implements TokenRules {
  readonly #settings: RuleSettings;
  /** Times that the answer has said each token. */
  readonly #said = new Map<number, number>();
  #produced = 0;
  #node: ChoiceNode | undefined;

  constructor(settings: RuleSettings) {
    this.#settings = settings;
    this.#node = settings.choices?.root;
  }

  apply(logits: Float64Array): void {
    const { sampling, stop, bias } = this.#settings;
    for (const [id, b] of bias) logits[id]! += b;
    // A choice is as long as it is.
    const early = this.#node === undefined && this.#produced < sampling.minNewTokens;
    if (early) for (const id of stop) logits[id] = -Infinity;
    this.#penalise(logits);
    if (this.#node) this.#constrain(logits, this.#node);
  }

  take(token: number): boolean {
    this.#said.set(token, (this.#said.get(token) ?? 0) + 1);
    this.#produced++;
    if (this.#node === undefined) return false;
    const next = this.#node.next.get(token);
    // Not among what follows: the stop token that ends a choice which begins another one.
    if (next === undefined) return true;
    this.#node = next;
    return next.ends && next.next.size === 0;
  }

  #penalise(logits: Float64Array): void {
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#settings.sampling;
    const said = this.#said;
    if (repetitionPenalty !== 1) {
      const once = (id: number): void => {
        const l = logits[id]!;
        logits[id] = l > 0 ? l / repetitionPenalty : l * repetitionPenalty;
      };
      const prompt = tokensOf(this.#settings.prompt);
      for (const id of prompt) once(id);
      for (const id of said.keys()) if (!prompt.has(id)) once(id);
    }
    if (presencePenalty === 0 && frequencyPenalty === 0) return;
    for (const [id, times] of said) logits[id]! -= presencePenalty + frequencyPenalty * times;
  }

  #constrain(logits: Float64Array, node: ChoiceNode): void {
    const allowed = node.ends ? [...node.next.keys(), ...this.#settings.stop] : [...node.next.keys()];
    const kept = allowed.map((id) => [id, logits[id]!] as const);
    logits.fill(-Infinity);
    for (const [id, l] of kept) logits[id] = l;
  }
}
