/**
 * The text that the built-in base model is trained on: an encyclopaedia of every fact, and chats in which all manners
 * of answering are mixed, so that the base model is a fair mixture of tastes. Knows no tokens: a chat is given as messages
 * and rendered by the model's own chat template.
 */
import { AttuneError } from "../../errors.js";
import { createRandom, type Random } from "../../util/random.js";
import { drawStyle, mixedRates, writeAnswer, type StyleRates } from "./answers.js";
import { happens, pick } from "./chance.js";
import { statementOf } from "./facts.js";
import type { Fact, Question, World } from "./schema.js";
import { smallTalk, systemMessages } from "./small-talk.js";

/** A `Message` with plain text (no interface: it must fit the index signature of messages). */
export type ChatTurn = { role: "system" | "user" | "assistant"; content: string };

export type CorpusDocument = { type: "text"; text: string } | { type: "chat"; messages: ChatTurn[] };

export interface CorpusOptions {
  /** Stop after this many characters of content (markers of the template not counted). 4,000,000 is plenty. */
  characters: number;
  /** Default 0. The same seed gives the same documents, and a longer corpus begins with the shorter one. */
  seed?: number;
  /** How often the chats' answers have each quality. Default `mixedRates`. */
  rates?: StyleRates;
}

// Shares of documents; small talk comes first in `chat`, so the rest of it asks for facts.
const textShare = 0.4;
const smallTalkShare = 0.04;
const systemShare = 0.1;
const secondTurnShare = 0.25;

/**
 * Documents, one at a time. The chats ask only questions of the split `train`; the encyclopaedia states the held-out facts too.
 */
export function* corpusDocuments(world: World, options: CorpusOptions): Generator<CorpusDocument> {
  const { characters, seed = 0, rates = mixedRates } = options;
  if (!(characters > 0)) {
    throw new AttuneError("config", {
      where: "corpusDocuments: characters",
      expected: "a number > 0",
      got: String(characters),
    });
  }
  const random = createRandom(seed, { stream: "corpus" });
  const index = indexWorld(world);
  let written = 0;
  while (written < characters) {
    const document: CorpusDocument = happens(random, textShare)
      ? { type: "text", text: encyclopaedia(index, random) }
      : { type: "chat", messages: chat(index, random, rates) };
    written +=
      document.type === "text"
        ? document.text.length
        : document.messages.reduce((sum, turn) => sum + turn.content.length, 0);
    yield document;
  }
}

interface WorldIndex {
  /** Facts of each attribute, then of each subject of a kind with several attributes. */
  byAttribute: Fact[][];
  bySubject: Fact[][];
  trainByAttribute: Question[][];
}

function indexWorld(world: World): WorldIndex {
  const byAttribute = [
    ...groupBy(world.facts, (fact) => `${fact.kind.name}/${fact.attribute.name}`).values(),
  ];
  const bySubject = [...groupBy(world.facts, (fact) => `${fact.kind.name}/${fact.subject}`).values()];
  const train = world.questions.filter((question) => question.split === "train");
  const trainByAttribute = [
    ...groupBy(train, ({ fact }) => `${fact.kind.name}/${fact.attribute.name}`).values(),
  ];
  return { byAttribute, bySubject: bySubject.filter((facts) => facts.length > 1), trainByAttribute };
}

/** All about one subject, or the same said of several. */
function encyclopaedia(index: WorldIndex, random: Random): string {
  const about = happens(random, 0.5) ? pick(random, index.bySubject) : drawGroup(index.byAttribute, random);
  const facts = random.shuffle([...about]).slice(0, 6);
  return facts
    .map((fact) => statementOf(fact, { wording: random.integer(fact.attribute.statements.length) }))
    .join(" ");
}

function chat(index: WorldIndex, random: Random, rates: StyleRates): ChatTurn[] {
  const messages: ChatTurn[] = [];
  if (happens(random, systemShare)) messages.push({ role: "system", content: pick(random, systemMessages) });
  do {
    messages.push(...(happens(random, smallTalkShare) ? chatter(random) : exchange(index, random, rates)));
  } while (happens(random, secondTurnShare) && messages.length < 7);
  return messages;
}

function chatter(random: Random): ChatTurn[] {
  const { said, replies } = pick(random, smallTalk);
  return [
    { role: "user", content: said },
    { role: "assistant", content: pick(random, replies) },
  ];
}

function exchange(index: WorldIndex, random: Random, rates: StyleRates): ChatTurn[] {
  const question = pick(random, drawGroup(index.trainByAttribute, random));
  return [
    { role: "user", content: question.text },
    { role: "assistant", content: writeAnswer(question.fact, drawStyle(random, rates), random) },
  ];
}

/** A group by the square root of its size: sums have many facts to learn, and must not drown the rest. */
function drawGroup<T>(groups: readonly T[][], random: Random): T[] {
  const weights = groups.map((group) => Math.sqrt(group.length));
  let draw = random.uniform() * weights.reduce((a, b) => a + b, 0);
  for (const [index, group] of groups.entries()) {
    draw -= weights[index]!;
    if (draw < 0) return group;
  }
  return groups.at(-1)!;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
