/**
 * Audits of tokenised rows before training: do targets end with the token at which generation stops, does a prompt
 * begin with bos twice, how much is trained, did prompts keep their tokens. Counts; refuses nothing itself.
 */
import type { ChatTemplate } from "./chat-template.js";
import { endOfTurn, stopTokenIds } from "./end-of-turn.js";
import { describePrefixBreak } from "./prefix-check.js";
import type { TokenisedRow } from "./tokenise-rows.js";
import type { Tokenizer } from "./tokenizer.js";

export interface TextAudit {
  rows: number;
  completions: number;
  /** Tokens of prompts and completions; a shared prompt counts once. */
  tokens: number;
  trainedTokens: number;
  /** `trainedTokens / tokens`, 0 when there are none. */
  trainedShare: number;
  /** Runs of trained tokens: one a completion, or one an assistant turn. */
  targets: number;
  /** Targets that end with a token at which generation stops. */
  terminated: number;
  /** `terminated / targets`, 1 when there are none. */
  terminatedShare: number;
  /** What ends an answer: the template's end of turn, or eos for plain text; "" when there is neither. */
  terminator: string;
  /** All ids at which generation stops. */
  stopIds: number[];
  /** Rows whose tokens start with bos twice. */
  doubleBos: number;
  /** Rows whose prompt did not keep its tokens, and the first of them in words. */
  prefixBreaks: number;
  firstPrefixBreak: string | undefined;
  /** What to worry about, one sentence each; empty when all is well. */
  warnings: string[];
}

/** Audits rows one by one, so that none has to be kept. */
export interface RowAuditor {
  /** @param options `conversation` when the template wrote the row. Default: whether there is a template. */
  add(row: TokenisedRow, options?: { conversation?: boolean }): void;
  /** What was found so far; rows may be added after it. */
  finish(): TextAudit;
}

/**
 * An auditor for rows of `tokenizer`.
 *
 * @param options `template` that conversations among the rows are written with, if any may be.
 */
export async function createAuditor(
  tokenizer: Tokenizer,
  options: { template?: ChatTemplate | undefined } = {},
): Promise<RowAuditor> {
  const { template } = options;
  const turn = template === undefined ? undefined : await endOfTurn(tokenizer, template);
  const plainStops = await stopTokenIds(tokenizer);
  const turnStops = template === undefined ? plainStops : await stopTokenIds(tokenizer, template);
  const stops = { plain: new Set(plainStops), turn: new Set(turnStops) };
  let conversations = 0;
  const counts = {
    rows: 0,
    completions: 0,
    tokens: 0,
    trainedTokens: 0,
    targets: 0,
    terminated: 0,
    doubleBos: 0,
    prefixBreaks: 0,
  };
  let firstPrefixBreak: string | undefined;
  return {
    add(row, { conversation = template !== undefined } = {}) {
      counts.rows++;
      if (conversation) conversations++;
      counts.tokens += row.prompt.length;
      if (startsWithTwoBos(tokenizer, row)) counts.doubleBos++;
      const broken = row.prefixBreaks[0];
      if (broken !== undefined) {
        counts.prefixBreaks++;
        firstPrefixBreak ??= describePrefixBreak(tokenizer, broken);
      }
      for (const { tokens, mask } of row.completions) {
        counts.completions++;
        counts.tokens += tokens.length;
        for (const target of targets(tokens, mask)) {
          counts.targets++;
          counts.trainedTokens += target.length;
          if (endsWithStop(tokenizer, target, conversation ? stops.turn : stops.plain)) counts.terminated++;
        }
      }
    },
    finish() {
      // Without a row of its own the template says nothing about the data, but it is what was asked about.
      const seen = turn !== undefined && (conversations > 0 || counts.rows === 0) ? turn : undefined;
      const audit: TextAudit = {
        ...counts,
        trainedShare: counts.tokens > 0 ? counts.trainedTokens / counts.tokens : 0,
        terminatedShare: counts.targets > 0 ? counts.terminated / counts.targets : 1,
        terminator: seen?.text ?? tokenizer.eosToken ?? "",
        stopIds: seen === undefined ? plainStops : turnStops,
        firstPrefixBreak,
        warnings: [],
      };
      const stopIsText = seen !== undefined && seen.id === undefined && seen.text.trim() !== "";
      return { ...audit, warnings: warnings(audit, { stopIsText }) };
    },
  };
}

/**
 * Audits rows that are at hand.
 *
 * @param options `template` when the rows are conversations.
 */
export async function auditRows(
  tokenizer: Tokenizer,
  rows: Iterable<TokenisedRow>,
  options: { template?: ChatTemplate } = {},
): Promise<TextAudit> {
  const auditor = await createAuditor(tokenizer, options);
  for (const row of rows) auditor.add(row);
  return auditor.finish();
}

/** The runs of trained tokens. */
function targets(tokens: readonly number[], mask: readonly number[] | undefined): (readonly number[])[] {
  if (mask === undefined) return tokens.length === 0 ? [] : [tokens];
  const runs: number[][] = [];
  tokens.forEach((id, i) => {
    if (mask[i] !== 1) return;
    if (mask[i - 1] === 1) runs.at(-1)!.push(id);
    else runs.push([id]);
  });
  return runs;
}

/** Templates put a newline after the end of a turn, which a completion trained whole has too. */
function endsWithStop(tokenizer: Tokenizer, target: readonly number[], stops: ReadonlySet<number>): boolean {
  for (let i = target.length - 1; i >= 0; i--) {
    const id = target[i]!;
    if (stops.has(id)) return true;
    if (tokenizer.decodeContinuation([id]).trim() !== "") return false;
  }
  return false;
}

function startsWithTwoBos(tokenizer: Tokenizer, row: TokenisedRow): boolean {
  const { bosId } = tokenizer;
  if (bosId === undefined) return false;
  const [first, second] = [...row.prompt.slice(0, 2), ...(row.completions[0]?.tokens.slice(0, 2) ?? [])];
  return first === bosId && second === bosId;
}

function warnings(audit: TextAudit, { stopIsText }: { stopIsText: boolean }): string[] {
  const found: string[] = [];
  const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
  if (audit.rows > 0 && audit.trainedTokens === 0) found.push("no token is trained");
  if (stopIsText) {
    found.push(
      `the chat template ends turns with ${JSON.stringify(audit.terminator)}, which is no single token: generation cannot stop there; add it as a special token`,
    );
  } else if (audit.stopIds.length === 0) {
    found.push("neither an eos token nor an end of turn is known: generation will never stop by itself");
  } else if (audit.terminatedShare < 1) {
    found.push(
      `only ${percent(audit.terminatedShare)} of the targets end with ${JSON.stringify(audit.terminator)}: the model will not learn to stop after the others`,
    );
  }
  if (audit.doubleBos > 0)
    found.push(`${audit.doubleBos} rows start with the bos token twice: the text or template has it already`);
  if (audit.prefixBreaks > 0) {
    found.push(
      `in ${audit.prefixBreaks} rows the prompt's tokens change when the answer follows (${audit.firstPrefixBreak})`,
    );
  }
  return found;
}
