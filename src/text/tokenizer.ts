/**
 * A tokenizer: text to ids and back through the Rust library's binding, with the special tokens by name. Knows where
 * its files came from only to save them again; knows nothing of chat templates' contents, masks or models.
 *
 * Ids are 0-based positions in the vocabulary. Offsets are UTF-16 units, that is JavaScript string indices.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as NativeTokenizer } from "tokenizers";
import { AttuneError } from "../errors.js";
import { utf16Offsets } from "./offsets.js";
import type { NamedSpecialTokens } from "./special-tokens.js";

export interface EncodeOptions {
  /** Run the post-processor that puts bos (and eos, where the model wants it) around the text. Default true. */
  addSpecialTokens?: boolean;
  /** Read special tokens inside the text as ordinary text, so that a user cannot forge an end of turn. Default false. */
  specialTokensAsText?: boolean;
}

export interface OffsetOptions {
  /**
   * Every character belongs to the token that holds it. Many vocabularies (`trim_offsets`) leave the spaces of a token
   * out of its span, so that a span of text that starts or ends with one cannot be found again. Default false.
   */
  exactOffsets?: boolean;
}

export interface DecodeOptions {
  /** Leave out the special tokens. Default false. */
  skipSpecialTokens?: boolean;
}

export interface EncodingWithOffsets {
  ids: number[];
  /** The vocabulary's spelling of each id. */
  tokens: string[];
  /** Start and end of each token in the text; `[0, 0]` for tokens that the post-processor added. */
  offsets: [number, number][];
}

/** What a `Tokenizer` is made of; `loadTokenizer` collects it from a folder. */
export interface TokenizerInit {
  /** The text of `tokenizer.json`. */
  json: string;
  /** Path or name for error messages. */
  where: string;
  named: NamedSpecialTokens;
  /** Ids at which generation ends, as the model's files say: `generation_config.json`'s and the tokenizer's eos. */
  eosIds: readonly number[];
  /** Chat templates by name; `default` is the usual one. */
  chatTemplates: ReadonlyMap<string, string>;
  /** Every file that belongs to the tokenizer, by name, as it will be saved. */
  files: ReadonlyMap<string, string>;
}

/** How many texts the binding holds at once: its encodings cost about 200 bytes of native memory a token. */
const BATCH = 256;

interface AddedToken {
  id: number;
  content: string;
  special?: boolean;
}

interface TokenizerFile {
  added_tokens?: AddedToken[];
  post_processor?: unknown;
  model?: { vocab?: Record<string, number> | unknown[] };
}

export class Tokenizer {
  /** Where it was read from. */
  readonly where: string;
  /** sha256 of `tokenizer.json` (after added tokens), hexadecimal: two equal hashes tokenise equally. */
  readonly hash: string;
  /** Number of tokens, added ones included. */
  readonly vocabSize: number;
  /** The highest id it can produce; above `vocabSize - 1` when the vocabulary has holes. */
  readonly maxId: number;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  readonly padToken: string | undefined;
  readonly unkToken: string | undefined;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  /** Fills padded places. Never used to find padding: that is done by length. */
  readonly padId: number | undefined;
  readonly eosIds: readonly number[];
  readonly chatTemplates: ReadonlyMap<string, string>;
  /** All tokens the templates may name: `bos_token`, `eos_token`, `pad_token`, and what else the config has. */
  readonly templateVariables: Readonly<Record<string, string>>;

  readonly #native: NativeTokenizer;
  readonly #decoder: ReturnType<NativeTokenizer["getDecoder"]>;
  readonly #special: ReadonlySet<number>;
  readonly #files: ReadonlyMap<string, string>;
  readonly #json: string;
  readonly #spelling = new Map<number, string | undefined>();
  #literal: NativeTokenizer | undefined;
  #exact: NativeTokenizer | undefined;
  #anchor: number | undefined;

  constructor(init: TokenizerInit) {
    const { json, where, named } = init;
    this.where = where;
    this.#json = json;
    this.#native = parseNative(json, where);
    this.#decoder = this.#native.getDecoder();
    const file = JSON.parse(json) as TokenizerFile;
    const added = file.added_tokens ?? [];
    this.#special = new Set(added.filter((token) => token.special === true).map((token) => token.id));
    this.vocabSize = this.#native.getVocabSize(true);
    this.maxId = highestId(file, this.vocabSize);
    this.hash = createHash("sha256").update(json).digest("hex");
    this.bosToken = named.bos;
    this.eosToken = named.eos;
    this.padToken = named.pad;
    this.unkToken = named.unk;
    this.bosId = this.#named("bos_token", named.bos);
    this.eosId = this.#named("eos_token", named.eos);
    this.padId = named.pad === undefined ? undefined : this.tokenToId(named.pad);
    this.eosIds = init.eosIds.length > 0 ? init.eosIds : this.eosId === undefined ? [] : [this.eosId];
    this.chatTemplates = init.chatTemplates;
    this.templateVariables = named.variables;
    this.#files = init.files;
  }

  /**
   * Ids of one text.
   *
   * A lone surrogate in the text becomes U+FFFD, as everywhere where UTF-16 meets UTF-8.
   */
  async encode(text: string, options: EncodeOptions = {}): Promise<number[]> {
    const { addSpecialTokens = true } = options;
    return (await this.#pick(options).encode(text, null, { addSpecialTokens })).getIds();
  }

  /** Ids, tokens and their places in the text. */
  async encodeWithOffsets(
    text: string,
    options: EncodeOptions & OffsetOptions = {},
  ): Promise<EncodingWithOffsets> {
    const { addSpecialTokens = true, exactOffsets = false } = options;
    const native = exactOffsets ? (this.#exact ??= this.#withExactOffsets()) : this.#pick(options);
    const encoding = await native.encode(text, null, { addSpecialTokens });
    return {
      ids: encoding.getIds(),
      tokens: encoding.getTokens(),
      offsets: utf16Offsets(text, encoding.getOffsets()),
    };
  }

  /** Ids of many texts, in parallel on all cores; the event loop stays free. */
  async encodeBatch(texts: readonly string[], options: EncodeOptions = {}): Promise<number[][]> {
    const { addSpecialTokens = true } = options;
    const native = this.#pick(options);
    const ids: number[][] = [];
    for (let start = 0; start < texts.length; start += BATCH) {
      const encodings = await native.encodeBatch(texts.slice(start, start + BATCH), { addSpecialTokens });
      for (const encoding of encodings) ids.push(encoding.getIds());
    }
    return ids;
  }

  /**
   * What `ids` add to a text that goes on: unlike `decode`, keeps the space that some vocabularies (SentencePiece's)
   * drop at the start of a text. Bytes of a character that is not complete show as U+FFFD.
   */
  decodeContinuation(ids: readonly number[]): string {
    this.#anchor ??= this.tokenToId("a") ?? -1;
    if (this.#anchor < 0) return this.decode(ids);
    return this.decode([this.#anchor, ...ids]).slice(this.decode([this.#anchor]).length);
  }

  /** Text of ids. Ids outside the vocabulary (a model's padded rows) give no text. */
  decode(ids: readonly number[], options: DecodeOptions = {}): string {
    const { skipSpecialTokens = false } = options;
    const tokens: string[] = [];
    for (const id of ids) {
      if (skipSpecialTokens && this.#special.has(id)) continue;
      const token = this.idToToken(id);
      if (token !== undefined) tokens.push(token);
    }
    return this.#decoder === null ? tokens.join(" ") : this.#decoder.decode(tokens);
  }

  tokenToId(token: string): number | undefined {
    return this.#native.tokenToId(token) ?? undefined;
  }

  /** The vocabulary's spelling (`Ġthe`, `▁the`), not the text. */
  idToToken(id: number): string | undefined {
    let token = this.#spelling.get(id);
    if (token === undefined && !this.#spelling.has(id)) {
      token = Number.isInteger(id) && id >= 0 ? (this.#native.idToToken(id) ?? undefined) : undefined;
      this.#spelling.set(id, token);
    }
    return token;
  }

  /** Whether the id is one of the special tokens, which `skipSpecialTokens` leaves out. */
  isSpecial(id: number): boolean {
    return this.#special.has(id);
  }

  /**
   * Refuses when the tokenizer can give an id that the model has no row for.
   *
   * A model may have more rows than the tokenizer has tokens: many are padded to a multiple of 64.
   */
  fits(modelVocabularySize: number): void {
    if (this.maxId < modelVocabularySize) return;
    throw new AttuneError("tokenizer", {
      where: this.where,
      expected: `ids below the model's vocab_size ${modelVocabularySize}`,
      got: `ids up to ${this.maxId} (${JSON.stringify(this.idToToken(this.maxId) ?? "?")})`,
      fix: "use the tokenizer of the model's own folder, or resize the model's embeddings",
    });
  }

  /** Writes `tokenizer.json` and what came with it (config, special tokens, template) into a folder. */
  async save(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await Promise.all([...this.#files].map(([name, text]) => writeFile(join(folder, name), text)));
  }

  #pick(options: EncodeOptions): NativeTokenizer {
    if (options.specialTokensAsText !== true) return this.#native;
    return (this.#literal ??= parseNative(withoutSpecialTokens(this.#json), this.where));
  }

  #withExactOffsets(): NativeTokenizer {
    if (!/"trim_offsets":\s*true/.test(this.#json)) return this.#native;
    const file = JSON.parse(this.#json) as TokenizerFile;
    const untrimmed = (_: string, value: unknown): unknown =>
      isObject(value) && value["trim_offsets"] === true ? { ...value, trim_offsets: false } : value;
    file.post_processor = JSON.parse(JSON.stringify(file.post_processor ?? null, untrimmed));
    return parseNative(JSON.stringify(file), this.where);
  }

  #named(key: string, token: string | undefined): number | undefined {
    if (token === undefined) return undefined;
    const id = this.tokenToId(token);
    if (id !== undefined) return id;
    throw new AttuneError("tokenizer", {
      where: `${this.where}: ${key}`,
      expected: "a token of the vocabulary",
      got: JSON.stringify(token),
      fix: `correct ${key} in tokenizer_config.json, or add the token to tokenizer.json`,
    });
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseNative(json: string, where: string): NativeTokenizer {
  try {
    return NativeTokenizer.fromString(json);
  } catch (cause) {
    throw new AttuneError("tokenizer", {
      where,
      expected: "a tokenizer.json of the Hugging Face tokenizers library",
      got: cause instanceof Error ? cause.message : String(cause),
      fix: "save it again with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
      cause,
    });
  }
}

/** Special tokens in the text are found because they are listed as added tokens: without the list they are text. */
function withoutSpecialTokens(json: string): string {
  const file = JSON.parse(json) as TokenizerFile;
  file.added_tokens = (file.added_tokens ?? []).filter((token) => token.special !== true);
  return JSON.stringify(file);
}

function highestId(file: TokenizerFile, vocabSize: number): number {
  let highest = vocabSize - 1;
  for (const token of file.added_tokens ?? []) highest = Math.max(highest, token.id);
  const vocab = file.model?.vocab;
  if (Array.isArray(vocab)) return Math.max(highest, vocab.length - 1);
  for (const id of Object.values(vocab ?? {})) if (id > highest) highest = id;
  return highest;
}
