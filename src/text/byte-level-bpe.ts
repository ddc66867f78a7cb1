/**
 * Trains a byte-level BPE vocabulary and gives it as the contents of a `tokenizer.json`; knows nothing of models or
 * chat templates. The native binding can encode with a BPE but offers no trainer with a vocabulary size, hence this one.
 *
 * Deterministic: merges are taken by count, ties by the lower pair of ids, which is the order of the Rust trainer
 * (`BpeTrainer` with the byte alphabet), so the same text gives the same merges as `tokenizers` in Python.
 */
import { AttuneError } from "../errors.js";
import { MaxHeap } from "./max-heap.js";

export interface BpeOptions {
  /** Number of tokens, special ones and the 256 bytes included. */
  vocabSize: number;
  /** Take ids 0, 1, 2, ... in this order; never split, never merged with what surrounds them. Default none. */
  specialTokens?: readonly string[];
  /** A pair seen less often is not merged. Default 2, so that no word is memorised from one occurrence. */
  minFrequency?: number;
}

/** The parts of a `tokenizer.json` that the trainer decides; `JSON.stringify` it and any Hugging Face library reads it. */
export interface TokenizerJson {
  version: string;
  truncation: null;
  padding: null;
  added_tokens: {
    id: number;
    content: string;
    single_word: boolean;
    lstrip: boolean;
    rstrip: boolean;
    normalized: boolean;
    special: boolean;
  }[];
  normalizer: null;
  pre_tokenizer: Record<string, unknown>;
  post_processor: Record<string, unknown>;
  decoder: Record<string, unknown>;
  model: {
    type: "BPE";
    dropout: null;
    unk_token: null;
    continuing_subword_prefix: null;
    end_of_word_suffix: null;
    fuse_unk: boolean;
    byte_fallback: boolean;
    ignore_merges: boolean;
    vocab: Record<string, number>;
    merges: [string, string][];
  };
}

/** How GPT-2 splits text into words; the `ByteLevel` pre-tokenizer of the emitted file does the same. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * Trains on `texts` and returns the contents of a `tokenizer.json`.
 *
 * May return fewer than `vocabSize` tokens when the text has no more pairs to merge.
 *
 * ```ts
 * const json = trainByteLevelBpe(["low lower lowest"], { vocabSize: 260, specialTokens: ["<|end|>"] });
 * ```
 *
 * @throws AttuneError `config` when `vocabSize` leaves no room for the 256 bytes and the special tokens, or a special
 *   token is empty or given twice.
 */
export function trainByteLevelBpe(texts: Iterable<string>, options: BpeOptions): TokenizerJson {
  const { vocabSize, specialTokens = [], minFrequency = 2 } = options;
  checkOptions(vocabSize, specialTokens);
  const characters = byteCharacters();
  const tokens = [...specialTokens, ...[...characters].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const words = countWords(texts, specialTokens);
  const spelled = [...words].map(([word, count]) => ({
    ids: Array.from(Buffer.from(word, "utf8"), (byte) => idOf.get(characters[byte]!)!),
    count,
  }));
  const merges = learnMerges(spelled, tokens, { vocabSize, minFrequency, idOf });
  return tokenizerJson(tokens, merges, specialTokens);
}

interface Word {
  ids: number[];
  count: number;
}

function learnMerges(
  words: Word[],
  tokens: string[],
  options: { vocabSize: number; minFrequency: number; idOf: Map<string, number> },
): [string, string][] {
  const { vocabSize, minFrequency, idOf } = options;
  const merges: [string, string][] = [];
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>(); // pair -> words that hold it
  const note = (pair: number, delta: number, word: number): void => {
    counts.set(pair, (counts.get(pair) ?? 0) + delta);
    if (delta <= 0) return;
    const at = places.get(pair);
    if (at === undefined) places.set(pair, new Set([word]));
    else at.add(word);
  };
  words.forEach(({ ids, count }, index) => {
    for (let i = 0; i + 1 < ids.length; i++) note(pairKey(ids[i]!, ids[i + 1]!), count, index);
  });
  const heap = new MaxHeap<[count: number, pair: number]>((a, b) => a[0] - b[0] || b[1] - a[1]);
  for (const [pair, count] of counts) heap.push([count, pair]);

  while (tokens.length < vocabSize) {
    const top = heap.pop();
    if (top === undefined) break;
    const [count, pair] = top;
    const now = counts.get(pair) ?? 0;
    if (now !== count) {
      if (now > 0) heap.push([now, pair]); // the count went down since it was pushed
      continue;
    }
    if (count < Math.max(1, minFrequency)) break;
    const left = Math.floor(pair / KEY);
    const right = pair % KEY;
    const joined = tokens[left]! + tokens[right]!;
    // Two different pairs can spell the same token; it keeps the id of the first.
    const id = idOf.get(joined) ?? tokens.length;
    if (id === tokens.length) {
      tokens.push(joined);
      idOf.set(joined, id);
    }
    merges.push([tokens[left]!, tokens[right]!]);
    const touched = places.get(pair) ?? new Set<number>();
    places.delete(pair);
    counts.delete(pair);
    const grown = new Set<number>();
    for (const index of touched) {
      const word = words[index]!;
      for (const [changed, delta] of mergeInWord(word, [left, right, id])) {
        if (changed === pair) continue;
        note(changed, delta * word.count, index);
        if (delta > 0) grown.add(changed);
      }
    }
    for (const changed of grown) heap.push([counts.get(changed) ?? 0, changed]);
  }
  return merges;
}

/** Joins every `left right` of the word into `id`, from left to right; returns how often each pair came or went. */
function mergeInWord(
  word: Word,
  [left, right, id]: [number, number, number],
): [pair: number, delta: number][] {
  const before = word.ids;
  const after: number[] = [];
  const changes: [number, number][] = [];
  for (let i = 0; i < before.length; i++) {
    if (before[i] !== left || before[i + 1] !== right) {
      after.push(before[i]!);
      continue;
    }
    const previous = after.at(-1);
    const next = before[i + 2];
    if (previous !== undefined) changes.push([pairKey(previous, left), -1], [pairKey(previous, id), 1]);
    if (next !== undefined) changes.push([pairKey(right, next), -1], [pairKey(id, next), 1]);
    after.push(id);
    i++;
  }
  word.ids = after;
  return changes;
}

/** Pairs as one number: ids stay below 2^20, so their order is the order of (left, right). */
const KEY = 2 ** 20;
const pairKey = (left: number, right: number): number => left * KEY + right;

function countWords(texts: Iterable<string>, specialTokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  const special =
    specialTokens.length === 0
      ? undefined
      : new RegExp(
          [...specialTokens]
            .sort((a, b) => b.length - a.length)
            .map((token) => token.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
            .join("|"),
          "u",
        );
  for (const text of texts) {
    for (const piece of special === undefined ? [text] : text.split(special)) {
      for (const [word] of piece.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** GPT-2's printable stand-in for each byte: itself where printable, else 256, 257, ... in order. */
export function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : next++);
  });
}

function tokenizerJson(
  tokens: string[],
  merges: [string, string][],
  specialTokens: readonly string[],
): TokenizerJson {
  // Offsets keep the leading space (trim_offsets false): a token's span is exactly the text it came from.
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

function checkOptions(vocabSize: number, specialTokens: readonly string[]): void {
  const least = 256 + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < least || vocabSize >= KEY) {
    throw new AttuneError("config", {
      where: "trainByteLevelBpe: vocabSize",
      expected: `a whole number of at least ${least} (256 bytes and ${specialTokens.length} special tokens)`,
      got: String(vocabSize),
    });
  }
  const seen = new Set<string>();
  for (const token of specialTokens) {
    if (token === "" || seen.has(token)) {
      throw new AttuneError("config", {
        where: "trainByteLevelBpe: specialTokens",
        expected: "distinct tokens that are not empty",
        got: JSON.stringify(token),
      });
    }
    seen.add(token);
  }
}
