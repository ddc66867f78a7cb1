/** Every word that this world's own texts use, whatever the seed. Knows words only, not what they mean. */
import { kinds, openers } from "./facts.js";
import * as phrases from "./phrases.js";
import { smallTalk } from "./small-talk.js";

let words: ReadonlySet<string> | undefined;

/** Lower case, without punctuation. Built once, on first use. */
export function knownWords(): ReadonlySet<string> {
  words ??= new Set(worldTexts().flatMap((text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []));
  return words;
}

function worldTexts(): string[] {
  const ofKinds = kinds.flatMap((kind) => [
    ...kind.subjects,
    ...kind.attributes.flatMap((attribute) => [
      ...attribute.questions,
      ...attribute.statements,
      ...attribute.domain,
    ]),
  ]);
  const ofManners = Object.values(phrases).flat();
  const ofSmallTalk = smallTalk.flatMap(({ said, replies }) => [said, ...replies]);
  return [...ofKinds, ...ofManners, ...ofSmallTalk, ...openers].map((text) =>
    text.replaceAll(/\{[sv]\}/g, " "),
  );
}
