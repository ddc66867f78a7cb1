/**
 * A trained reward model as a reward: its scalar head, read at the last token of prompt and answer. It has a tokenizer of
 * its own, so that any policy can be judged by any model: what goes between them is text.
 */
import { AttuneError } from "../errors.js";
import type { GenerationModel } from "../generate/index.js";
import { headOutputs, hiddenStates, tokenInputs } from "../models/index.js";
import { type Backend, gather, type HostTensor, input, type Program } from "../tensor/index.js";
import {
  type ChatTemplate,
  type ChatMessage,
  type Content,
  type Tokenizer,
  tokenizeCompletions,
} from "../text/index.js";
import { rowNames } from "./check-scores.js";
import type { Reward, RewardItem } from "./contract.js";

export interface ModelRewardOptions {
  readonly backend: Backend;
  /** With the scalar head of a sequence classifier. */
  readonly model: GenerationModel;
  /** The reward model's own. */
  readonly tokenizer: Tokenizer;
  /** Default: the tokenizer's own. */
  readonly template?: ChatTemplate;
  /** Padded tokens of one run. Default 8,192. */
  readonly batchTokens?: number;
  /** What becomes of an answer longer than the model's context. Default "error"; "cut-start" drops its first tokens. */
  readonly tooLong?: "error" | "cut-start";
}

/** Programs kept, of as many sizes. */
const mostPrograms = 8;

interface Row {
  at: number;
  tokens: readonly number[];
}

/**
 * @throws AttuneError `model` for a model without a scalar head; scoring throws `data`, naming rows, for answers longer than
 *   the context or without a token, and as `tokenizeCompletions`
 */
export function modelReward(name: string, options: ModelRewardOptions): Reward {
  const { backend, model, tokenizer, batchTokens = 8192 } = options;
  const { head } = model.graph.config;
  if (head.kind !== "sequence") {
    throw new AttuneError("model", {
      where: `rewards: ${name}`,
      expected: "a reward model (a sequence classifier)",
      got: `the head ${JSON.stringify(head.kind)}`,
    });
  }
  tokenizer.fits(model.graph.config.vocabSize);
  const programs = new Map<string, Promise<Program>>();
  const programOf = async (rows: number, length: number): Promise<Program> => {
    const key = `${rows} x ${length}`;
    const known = programs.get(key);
    if (known !== undefined) return known;
    if (programs.size >= mostPrograms) {
      const [oldest, program] = programs.entries().next().value!;
      programs.delete(oldest);
      await (await program).release();
    }
    const made = compile(backend, model, { rows, length });
    programs.set(key, made);
    return made;
  };
  // One at a time: a program may not be released while another call runs it.
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = before.then(work, work);
    before = mine.catch(() => undefined);
    return mine;
  };
  return {
    name,
    async score(items, { signal }) {
      const rows = (await tokenised(name, items, options)).map((tokens, at): Row => ({ at, tokens }));
      const scores = Array.from<number>({ length: items.length });
      for (const batch of batches(rows, batchTokens)) {
        signal.throwIfAborted();
        const { rows: count, length, list } = batch;
        await inTurn(async () => {
          const program = await programOf(count, length);
          const { values } = await program.run({ ...feedsOf(batch), ...model.parameters });
          const width = values!.shape[1]!;
          list.forEach(({ at }, row) => (scores[at] = values!.data[row * width]!));
        });
      }
      return scores;
    },
    async close() {
      await before;
      for (const program of programs.values()) await (await program).release();
      programs.clear();
    },
  };
}

async function tokenised(
  name: string,
  items: readonly RewardItem[],
  { tokenizer, template, model, tooLong = "error" }: ModelRewardOptions,
): Promise<(readonly number[])[]> {
  const { maxPositions } = model.graph.config;
  const all = await Promise.all(
    items.map(async ({ id, prompt, completion }) => {
      // An answer as text goes on from a conversation as the assistant's message.
      const answer: Content =
        typeof prompt !== "string" && typeof completion === "string"
          ? [{ role: "assistant", content: completion }]
          : (completion as Content);
      const row = { prompt: prompt as string | ChatMessage[], completions: [answer] };
      const where = `rewards: ${name}: row ${id}`;
      const { prompt: own, completions } = await tokenizeCompletions(tokenizer, row, {
        where,
        ...(template && { template }),
      });
      return [...own, ...completions[0]!.tokens];
    }),
  );
  const long = items.filter((_, i) => all[i]!.length > maxPositions);
  if (long.length > 0 && tooLong === "error") {
    throw new AttuneError("data", {
      where: `rewards: ${name}: ${rowNames(long)}`,
      expected: `at most ${maxPositions} tokens, the reward model's context`,
      got: `up to ${Math.max(...all.map(({ length }) => length))}`,
      fix: 'ask for shorter answers, or set tooLong to "cut-start"',
    });
  }
  return all.map((tokens) => tokens.slice(-maxPositions));
}

interface Packed {
  rows: number;
  length: number;
  list: readonly Row[];
}

/** Lengths in eighths of an octave, so that few programs serve all. */
function lengthBucket(tokens: number): number {
  const step = Math.max(16, 2 ** Math.floor(Math.log2(tokens)) / 8);
  return Math.ceil(tokens / step) * step;
}

/** Rows of like length together, the number of rows a power of two. */
function batches(rows: readonly Row[], batchTokens: number): Packed[] {
  const sorted = [...rows].sort((a, b) => b.tokens.length - a.tokens.length);
  const result: Packed[] = [];
  for (let at = 0; at < sorted.length;) {
    const length = lengthBucket(sorted[at]!.tokens.length);
    const most = 2 ** Math.floor(Math.log2(Math.max(1, batchTokens / length)));
    const list = sorted.slice(at, at + most);
    result.push({ rows: 2 ** Math.ceil(Math.log2(list.length)), length, list });
    at += list.length;
  }
  return result;
}

function compile(
  backend: Backend,
  { graph, adapters = new Map() }: GenerationModel,
  { rows, length }: { rows: number; length: number },
): Promise<Program> {
  const tokens = tokenInputs(rows, length);
  const ends = input("ends", [rows], "int32");
  const hidden = hiddenStates(graph, tokens, { adapters, recompute: "none" });
  const parameters = [...graph.weights].filter(([, weight]) => weight.node.op === "input");
  return backend.compile({
    inputs: { ...tokens, ends, ...Object.fromEntries(parameters) },
    outputs: { values: headOutputs(graph, gather(hidden, ends)) },
  });
}

/** Right-padded rows, each one segment; rows that only fill up see themselves alone. */
function feedsOf({ rows, length, list }: Packed): Record<string, HostTensor> {
  const grid = (): Int32Array => new Int32Array(rows * length);
  const [inputIds, positions, segments] = [grid(), grid(), grid()];
  const ends = Int32Array.from({ length: rows }, (_, row) => row * length);
  list.forEach(({ tokens }, row) => {
    tokens.forEach((id, t) => {
      const at = row * length + t;
      inputIds[at] = id;
      positions[at] = t;
      segments[at] = 1;
    });
    ends[row] = row * length + tokens.length - 1;
  });
  const ints = (shape: number[], data: Int32Array): HostTensor => ({ shape, dtype: "int32", data });
  const shape = [rows, length];
  return {
    inputIds: ints(shape, inputIds),
    positions: ints(shape, positions),
    segments: ints(shape, segments),
    parents: ints(shape, grid()),
    ends: ints([rows], ends),
  };
}
