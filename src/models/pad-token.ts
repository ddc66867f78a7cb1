/**
 * The token that pads batches of a classifier, for those who load it elsewhere: transformers reads the score at the last
 * token that is not it, and refuses batches without one. Knows nothing of padding here, which goes by length.
 *
 * Deviation: a pad token that also ends texts (Qwen2.5's base models, or eos for want of another) would make transformers
 * read the score one token early, so a token that no text ends with is put in its place where there is one.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { loadTokenizer, type Tokenizer } from "../text/index.js";
import { writeJsonAtomic } from "../util/files.js";
import type { RawConfig } from "./config/fields.js";
import type { ModelConfig } from "./config/types.js";

export interface PadToken {
  readonly id: number;
  /** Its text in the vocabulary. */
  readonly token: string;
  /** Whether it is the tokenizer's own pad token. */
  readonly own: boolean;
  /** It also ends texts, because there is no other: transformers reads the token before it. */
  readonly endsText: boolean;
}

type Sizes = Pick<ModelConfig, "padTokenId" | "vocabSize" | "eosTokenIds">;

/**
 * The tokenizer's pad token; else config.json's; else a special token named for padding, the unknown token, the first
 * token of texts, any other special token; else the end token. Undefined where none of them exists.
 */
export function choosePadToken(tokenizer: Tokenizer, config: Sizes): PadToken | undefined {
  const ends = new Set([...tokenizer.eosIds, ...config.eosTokenIds]);
  if (tokenizer.eosId !== undefined) ends.add(tokenizer.eosId);
  const candidates = [
    tokenizer.padId,
    config.padTokenId ?? undefined,
    specialToken(tokenizer, { ends, name: /pad/i }),
    tokenizer.unkToken === undefined ? undefined : tokenizer.tokenToId(tokenizer.unkToken),
    tokenizer.bosId,
    specialToken(tokenizer, { ends, name: /./ }),
    tokenizer.eosId,
  ].filter((id) => id !== undefined && id < config.vocabSize && tokenizer.idToToken(id) !== undefined);
  const id = candidates.find((each) => !ends.has(each!)) ?? candidates[0];
  if (id === undefined) return undefined;
  return {
    id,
    token: tokenizer.idToToken(id)!,
    own: id === tokenizer.padId,
    endsText: ends.has(id),
  };
}

/** The first special token of such a name that ends no text: `<|finetune_right_pad_id|>`, `<|vision_pad|>`. */
function specialToken(
  tokenizer: Tokenizer,
  { ends, name }: { ends: ReadonlySet<number>; name: RegExp },
): number | undefined {
  for (let id = 0; id <= tokenizer.maxId; id++) {
    if (tokenizer.isSpecial(id) && !ends.has(id) && name.test(tokenizer.idToToken(id) ?? "")) return id;
  }
  return undefined;
}

/** The same for a folder's tokenizer; undefined where it has none that can be read. */
export async function padTokenOfFolder(folder: string, config: Sizes): Promise<PadToken | undefined> {
  if (!existsSync(join(folder, "tokenizer.json"))) return undefined;
  // A model can be saved without a good tokenizer; who opens the tokenizer hears what is wrong with it.
  const tokenizer = await loadTokenizer(folder).catch(() => undefined);
  return tokenizer && choosePadToken(tokenizer, config);
}

/** Names the token in the tokenizer files of a folder, so that they and config.json say the same. */
export async function writePadToken(folder: string, { token, own }: PadToken): Promise<void> {
  if (own) return;
  const config = join(folder, "tokenizer_config.json");
  await writeJsonAtomic(config, { ...readObject(config), pad_token: token });
  const map = join(folder, "special_tokens_map.json");
  if (existsSync(map)) await writeJsonAtomic(map, { ...readObject(map), pad_token: token });
}

const readObject = (path: string): RawConfig =>
  existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as RawConfig) : {};
