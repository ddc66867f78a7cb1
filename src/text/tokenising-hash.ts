/** One hash of everything that decides which tokens a row becomes. Knows no rows. */
import { createHash } from "node:crypto";
import type { ChatTemplate } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";

/**
 * Hexadecimal sha256 of the tokenizer's file, its special tokens by name, and the templates: with equal hashes equal rows
 * give equal tokens, the date in a template's text aside.
 *
 * @param options `template` when one is used instead of the tokenizer's own.
 */
export function tokenisingHash(
  tokenizer: Tokenizer,
  { template }: { template?: ChatTemplate | undefined } = {},
): string {
  const { hash, bosToken, eosToken, eosIds, chatTemplates, templateVariables } = tokenizer;
  const sorted = (entries: Iterable<[string, string]>): [string, string][] =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = [
    hash,
    bosToken ?? null,
    eosToken ?? null,
    eosIds,
    template === undefined ? sorted(chatTemplates) : template.source,
    sorted(Object.entries(templateVariables)),
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
