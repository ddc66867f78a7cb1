/** Reads a tokenizer from a Hugging Face folder or from its parts in memory; leaves the encoding to `Tokenizer`. */
import { existsSync } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AttuneError } from "../errors.js";
import { namedSpecialTokens } from "./special-tokens.js";
import { Tokenizer } from "./tokenizer.js";

/** The files of a tokenizer, already read. Only the first is needed. */
export interface TokenizerParts {
  /** Contents of `tokenizer.json`, as text or parsed (such as from `trainByteLevelBpe`). */
  tokenizerJson: string | object;
  /** `tokenizer_config.json`: named tokens, chat template. */
  tokenizerConfig?: Record<string, unknown>;
  /** `special_tokens_map.json`. */
  specialTokensMap?: Record<string, unknown>;
  /** `generation_config.json`: its `eos_token_id`, one or many. */
  generationConfig?: Record<string, unknown>;
  /** `chat_template.jinja`, or several by name; wins over the config's `chat_template`. */
  chatTemplate?: string | Readonly<Record<string, string>>;
}

export interface LoadTokenizerOptions {
  /**
   * Special tokens to add when the vocabulary lacks them; they take the next free ids in this order, as
   * transformers' `additional_special_tokens`. The model needs rows for them. Default none.
   */
  addedSpecialTokens?: readonly string[];
  /** A chat template that replaces the folder's. Default: the folder's. */
  chatTemplate?: string;
}

/**
 * Loads a tokenizer from a Hugging Face folder, a `tokenizer.json` file, or parts in memory.
 *
 * ```ts
 * const tokenizer = await loadTokenizer("models/tiny");
 * const ids = await tokenizer.encode("Hello");
 * ```
 *
 * @throws AttuneError `tokenizer` when a file is missing, is not JSON, or names a token the vocabulary lacks.
 */
export async function loadTokenizer(
  source: string | TokenizerParts,
  options: LoadTokenizerOptions = {},
): Promise<Tokenizer> {
  const { addedSpecialTokens = [], chatTemplate } = options;
  const where = typeof source === "string" ? source : "tokenizer";
  const read = typeof source === "string" ? await readParts(source) : source;
  const parts = chatTemplate === undefined ? read : { ...read, chatTemplate };
  const config = parts.tokenizerConfig ?? {};
  const parsed = typeof parts.tokenizerJson === "string" ? undefined : parts.tokenizerJson;
  const text = parsed === undefined ? (parts.tokenizerJson as string) : JSON.stringify(parsed);
  const json = withAddedTokens(text, [...decoderTokens(config), ...special(addedSpecialTokens)], where);
  const chatTemplates = templates(parts);
  const named = namedSpecialTokens(config, parts.specialTokensMap ?? {});
  return new Tokenizer({
    json,
    where,
    named,
    eosIds: generationEos(parts.generationConfig ?? {}, where),
    chatTemplates,
    files: filesToSave(parts, json, chatTemplates),
  });
}

async function readParts(path: string): Promise<TokenizerParts> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) {
    throw new AttuneError("tokenizer", {
      where: path,
      expected: "a model folder or a tokenizer.json",
      got: "nothing there",
    });
  }
  if (info.isFile()) return { tokenizerJson: await readFile(path, "utf8") };
  const file = join(path, "tokenizer.json");
  if (!existsSync(file)) {
    const sentencePiece = existsSync(join(path, "tokenizer.model"));
    throw new AttuneError("tokenizer", {
      where: path,
      expected: "a tokenizer.json",
      got: sentencePiece
        ? "only a tokenizer.model (SentencePiece)"
        : (await readdir(path)).join(", ") || "an empty folder",
      fix: "convert it once with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)",
    });
  }
  const optional = async (name: string): Promise<Record<string, unknown> | undefined> => {
    const at = join(path, name);
    return existsSync(at) ? parseObject(await readFile(at, "utf8"), at) : undefined;
  };
  return {
    tokenizerJson: await readFile(file, "utf8"),
    tokenizerConfig: await optional("tokenizer_config.json"),
    specialTokensMap: await optional("special_tokens_map.json"),
    generationConfig: await optional("generation_config.json"),
    chatTemplate: await templateFiles(path),
  };
}

/** `chat_template.jinja`, with `additional_chat_templates/NAME.jinja` beside it. */
async function templateFiles(folder: string): Promise<Record<string, string> | undefined> {
  const found: Record<string, string> = {};
  const main = join(folder, "chat_template.jinja");
  if (existsSync(main)) found["default"] = await readFile(main, "utf8");
  const more = join(folder, "additional_chat_templates");
  if (existsSync(more)) {
    for (const name of (await readdir(more)).filter((file) => file.endsWith(".jinja")).sort()) {
      found[basename(name, ".jinja")] = await readFile(join(more, name), "utf8");
    }
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

function templates(parts: TokenizerParts): Map<string, string> {
  const found = new Map<string, string>();
  const inConfig = parts.tokenizerConfig?.["chat_template"];
  if (typeof inConfig === "string") found.set("default", inConfig);
  if (Array.isArray(inConfig)) {
    for (const entry of inConfig as { name?: unknown; template?: unknown }[]) {
      if (typeof entry?.name === "string" && typeof entry.template === "string")
        found.set(entry.name, entry.template);
    }
  }
  if (typeof parts.chatTemplate === "string") return new Map([["default", parts.chatTemplate]]);
  for (const [name, template] of Object.entries(parts.chatTemplate ?? {})) found.set(name, template);
  return found;
}

function generationEos(config: Record<string, unknown>, where: string): number[] {
  const value = config["eos_token_id"];
  if (value === undefined || value === null) return [];
  const ids = Array.isArray(value) ? (value as unknown[]) : [value];
  if (ids.every((id): id is number => Number.isInteger(id))) return [...new Set(ids)];
  throw new AttuneError("tokenizer", {
    where: `${where}: generation_config.json: eos_token_id`,
    expected: "a token id or a list of them",
    got: JSON.stringify(value),
  });
}

interface TokenToAdd {
  content: string;
  special: boolean;
  [flag: string]: unknown;
}

const special = (tokens: readonly string[]): TokenToAdd[] =>
  tokens.map((content) => ({ content, special: true }));

/** Older folders list added tokens only in `tokenizer_config.json`, as `added_tokens_decoder`. */
function decoderTokens(config: Record<string, unknown>): TokenToAdd[] {
  const decoder = config["added_tokens_decoder"];
  if (typeof decoder !== "object" || decoder === null) return [];
  return Object.entries(decoder as Record<string, Record<string, unknown>>)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([, token]) =>
      typeof token["content"] === "string"
        ? [{ ...token, content: token["content"], special: token["special"] === true }]
        : [],
    );
}

/** Puts the tokens that the file does not know into its list, with the ids the Rust library would give them. */
function withAddedTokens(json: string, tokens: readonly TokenToAdd[], where: string): string {
  if (tokens.length === 0) return json;
  const file = parseObject(json, where) as {
    added_tokens?: { id: number; content: string; [flag: string]: unknown }[];
    model?: { vocab?: Record<string, number> | unknown[] };
  };
  const added = (file.added_tokens ??= []);
  const vocab = file.model?.vocab ?? {};
  const inModel = Array.isArray(vocab)
    ? new Map((vocab as [string, number][]).map(([token], id) => [token, id]))
    : new Map(Object.entries(vocab));
  const known = new Set(added.map((token) => token.content));
  let next = Math.max(inModel.size, ...added.map((token) => token.id + 1));
  let changed = false;
  for (const { content, special: isSpecial, ...flags } of tokens) {
    if (known.has(content)) continue;
    known.add(content);
    changed = true;
    added.push({
      id: inModel.get(content) ?? next++,
      content,
      single_word: flags["single_word"] === true,
      lstrip: flags["lstrip"] === true,
      rstrip: flags["rstrip"] === true,
      normalized: flags["normalized"] === true,
      special: isSpecial,
    });
  }
  return changed ? JSON.stringify(file) : json;
}

function filesToSave(
  parts: TokenizerParts,
  json: string,
  chatTemplates: ReadonlyMap<string, string>,
): Map<string, string> {
  const files = new Map([["tokenizer.json", json]]);
  const config = { ...parts.tokenizerConfig };
  // One place for the template, the one transformers writes and reads first.
  delete config["chat_template"];
  for (const [name, template] of chatTemplates) {
    files.set(
      name === "default" ? "chat_template.jinja" : `additional_chat_templates/${name}.jinja`,
      template,
    );
  }
  files.set("tokenizer_config.json", `${JSON.stringify(config, null, 2)}\n`);
  if (parts.specialTokensMap !== undefined) {
    files.set("special_tokens_map.json", `${JSON.stringify(parts.specialTokensMap, null, 2)}\n`);
  }
  return files;
}

function parseObject(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AttuneError("tokenizer", {
      where,
      expected: "valid JSON",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new AttuneError("tokenizer", {
    where,
    expected: "a JSON object",
    got: Array.isArray(value) ? "an array" : String(value),
  });
}
