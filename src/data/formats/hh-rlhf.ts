/** HH-RLHF: two whole transcripts, and the red-team file beside them. */
import { Preference, type Message } from "../../records/index.js";
import { checked, defineFormat, extraColumns, isText, needText, RowProblem } from "./format.js";

const marker = /\n\n(Human|Assistant): ?/g;
const speakers: Readonly<Record<string, string>> = { Human: "user", Assistant: "assistant" };

/** The turns of a transcript, their text untouched but for one space after the colon. Throws RowProblem. */
export function readTranscript(transcript: string, where: string): Message[] {
  const marks = [...transcript.matchAll(marker)];
  const start = marks[0]?.index ?? transcript.length;
  if (transcript.slice(0, start).trim() !== "" || marks.length === 0) {
    throw new RowProblem(
      `\`${where}\`: the transcript does not begin with "\\n\\nHuman:" or "\\n\\nAssistant:"`,
    );
  }
  return marks.map((mark, index) => ({
    role: speakers[mark[1] as string] as string,
    content: transcript.slice(mark.index + mark[0].length, marks[index + 1]?.index ?? transcript.length),
  }));
}

/** Messages as an HH-RLHF transcript, for models without a chat template; the inverse of `readTranscript`. */
export function writeTranscript(messages: readonly Message[]): string {
  return messages
    .map(({ role, content }) => `\n\n${role === "assistant" ? "Assistant" : "Human"}: ${content ?? ""}`)
    .join("");
}

function pair(chosenText: string, rejectedText: string): Pick<Preference, "prompt" | "chosen" | "rejected"> {
  const chosen = readTranscript(chosenText, "chosen");
  const rejected = readTranscript(rejectedText, "rejected");
  let shared = 0;
  while (
    shared < Math.min(chosen.length, rejected.length) &&
    chosen[shared]?.role === rejected[shared]?.role &&
    chosen[shared]?.content === rejected[shared]?.content
  ) {
    shared += 1;
  }
  const [left, right] = [chosen.length - shared, rejected.length - shared];
  if (left === 0 && right === 0) throw new RowProblem("the two answers are equal");
  if (left !== 1 || right !== 1) {
    throw new RowProblem(
      `the transcripts part before their last turn: ${left} turns remain in chosen, ${right} in rejected`,
    );
  }
  for (const [name, turns] of Object.entries({ chosen, rejected })) {
    const last = turns.at(-1);
    if (last?.role !== "assistant") throw new RowProblem(`\`${name}\` does not end with an assistant's turn`);
    if ((last.content ?? "").trim() === "") throw new RowProblem(`the ${name} answer is empty`);
  }
  const prompt = chosen.slice(0, shared);
  prompt.forEach((turn, index) => {
    const expected = index % 2 === 0 ? "user" : "assistant";
    if (turn.role !== expected) {
      throw new RowProblem(
        `turn ${index + 1} of the prompt is not the ${expected}'s: turns do not alternate, which most chat templates refuse`,
      );
    }
  });
  if (prompt.at(-1)?.role !== "user") throw new RowProblem("the prompt does not end with a human turn");
  return { prompt, chosen: chosen.slice(shared), rejected: rejected.slice(shared) };
}

export const hhRlhf = defineFormat<"preference">({
  title: "Anthropic HH-RLHF, two transcripts",
  kind: "preference",
  conversion:
    'transcripts split into turns at "\\n\\nHuman:" and "\\n\\nAssistant:"; the prompt is their shared turns',
  matches: (row) =>
    isText(row["chosen"]) &&
    isText(row["rejected"]) &&
    /^\s*\n\n(Human|Assistant):/.test(row["chosen"]) &&
    /\n\nAssistant:/.test(row["rejected"]),
  convert: (row, place) => [
    checked(Preference, {
      ...place,
      ...pair(needText(row, "chosen"), needText(row, "rejected")),
      ...extraColumns(row, ["chosen", "rejected", "prompt"]),
    }),
  ],
});

export const hhRedTeam = defineFormat({
  title: "Anthropic red-team attempts",
  kind: undefined,
  conversion: "one rated transcript a row: no pairs to learn from; take the harmless-base or helpful folders",
  matches: (row) => isText(row["transcript"]) && row["min_harmlessness_score_transcript"] !== undefined,
});
