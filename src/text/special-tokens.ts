/** Special tokens by name, from `tokenizer_config.json` and `special_tokens_map.json`; knows no ids. */

export interface NamedSpecialTokens {
  bos?: string;
  eos?: string;
  pad?: string;
  unk?: string;
  /** Every `*_token` of the config by its own name, which is how chat templates address them. */
  variables: Record<string, string>;
}

const NAMES = /^[a-z_]+_token$/;

/**
 * The config wins over the map, as in transformers. A token is a string or `{"content": string}`; null is absent.
 */
export function namedSpecialTokens(
  config: Record<string, unknown>,
  map: Record<string, unknown>,
): NamedSpecialTokens {
  const variables: Record<string, string> = {};
  for (const source of [map, config]) {
    for (const [name, value] of Object.entries(source)) {
      const token = NAMES.test(name) ? tokenText(value) : undefined;
      if (token !== undefined) variables[name] = token;
      // An explicit null in the config takes the map's token away.
      else if (value === null) delete variables[name];
    }
  }
  return {
    bos: variables["bos_token"],
    eos: variables["eos_token"],
    pad: variables["pad_token"],
    unk: variables["unk_token"],
    variables,
  };
}

/** The text of a token written as a string or as an added token. */
export function tokenText(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value === "object" && value !== null && "content" in value) return tokenText(value.content);
  return undefined;
}
