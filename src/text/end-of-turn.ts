/** How a template ends an assistant turn, found by rendering one, and where generation has to stop; trains nothing. */
import { PROBE } from "./assistant-spans.js";
import type { ChatMessage } from "./chat-message.js";
import type { ChatTemplate } from "./chat-template.js";
import type { Tokenizer } from "./tokenizer.js";

export interface EndOfTurn {
  /** What closes an assistant turn, such as `<|im_end|>`; empty where the template closes it with nothing. */
  text: string;
  /** Its tokens. */
  ids: number[];
  /** The one special token it is; absent when it is ordinary text, at which generation cannot stop. */
  id: number | undefined;
}

/** Conversations to try: some templates want a system message, some refuse it, some want tools. */
const OPENINGS: ChatMessage[][] = [
  [{ role: "user", content: "?" }],
  [
    { role: "system", content: "?" },
    { role: "user", content: "?" },
  ],
];
const TOOL = {
  type: "function",
  function: { name: "f", description: "f", parameters: { type: "object", properties: {} } },
};

/** The end of an assistant turn; an empty text when the template closes it with nothing or refuses every probe. */
export function endOfTurn(tokenizer: Tokenizer, template: ChatTemplate): Promise<EndOfTurn> {
  let found = known.get(tokenizer);
  if (found === undefined) known.set(tokenizer, (found = new WeakMap()));
  let turn = found.get(template);
  if (turn === undefined) found.set(template, (turn = probe(tokenizer, template)));
  return turn;
}

/** Asked for every row, answered once. */
const known = new WeakMap<Tokenizer, WeakMap<ChatTemplate, Promise<EndOfTurn>>>();

async function probe(tokenizer: Tokenizer, template: ChatTemplate): Promise<EndOfTurn> {
  const [last, middle] = tails(template);
  const { ids, offsets } = await tokenizer.encodeWithOffsets(last, {
    addSpecialTokens: false,
    exactOffsets: true,
  });
  const first = ids.findIndex((id) => tokenizer.isSpecial(id));
  if (first >= 0) {
    return { text: last.slice(0, offsets[first]![1]), ids: ids.slice(0, first + 1), id: ids[first] };
  }
  // No special token: what stands after every turn, without the newline before the next one.
  let common = 0;
  while (common < last.length && last[common] === middle[common]) common++;
  const text = last.slice(0, common).trimEnd() || last.slice(0, common);
  return { text, ids: await tokenizer.encode(text, { addSpecialTokens: false }), id: undefined };
}

/** What follows an assistant's text at the end of a conversation, and in the middle of one. */
function tails(template: ChatTemplate): [last: string, middle: string] {
  for (const options of [{}, { tools: [TOOL] }]) {
    for (const opening of OPENINGS) {
      try {
        const turn = [...opening, { role: "assistant", content: PROBE }];
        const tail = (messages: ChatMessage[]): string | undefined =>
          template.render(messages, options).split(PROBE)[1];
        const last = tail(turn);
        if (last !== undefined) return [last, tail([...turn, { role: "user", content: "?" }]) ?? last];
      } catch {
        // this template wants another opening
      }
    }
  }
  return ["", ""];
}

/**
 * Ids at which generation stops: the model's own (`generation_config.json`, the tokenizer's eos) and the token that
 * ends a turn of the chat template, which base models' files often do not name.
 */
export async function stopTokenIds(tokenizer: Tokenizer, template?: ChatTemplate): Promise<number[]> {
  const ids = new Set(tokenizer.eosIds);
  if (tokenizer.eosId !== undefined) ids.add(tokenizer.eosId);
  const turn = template === undefined ? undefined : (await endOfTurn(tokenizer, template)).id;
  if (turn !== undefined) ids.add(turn);
  return [...ids].sort((a, b) => a - b);
}
