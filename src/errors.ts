/**
 * The one error class. Every message says where, what was expected, what came, and how to mend it;
 * `code` is for programs. Knows nothing of any folder.
 */

export type ErrorCode =
  | "usage" // a flag, option or argument that cannot be used
  | "config" // a value out of range, an unknown key
  | "data" // a row, a file or a format that cannot be read
  | "model" // a model folder, weight file or architecture
  | "tokenizer" // tokenizer, chat template, masks
  | "invariant" // a step-0 check that failed
  | "numeric" // NaN or infinity where a number was expected
  | "checkpoint" // a checkpoint that is damaged or belongs elsewhere
  | "memory" // would not fit
  | "io" // disk full, read-only folder, file gone
  | "network" // a download the user asked for and that failed
  | "backend" // the engine itself
  | "interrupted"; // the user stopped it

export interface ErrorParts {
  /** Where: `file:line`, `losses.ipo`, `config.json: hidden_size`. */
  where: string;
  /** What was expected. */
  expected: string;
  /** What came. */
  got: string;
  /** What to do about it. */
  fix?: string;
  cause?: unknown;
}

export class AttuneError extends Error {
  override readonly name = "AttuneError";
  readonly code: ErrorCode;
  readonly where: string;
  readonly expected: string;
  readonly got: string;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, parts: ErrorParts) {
    const fix = parts.fix === undefined ? "" : `\n  fix: ${parts.fix}`;
    super(`${parts.where}: expected ${parts.expected}, got ${parts.got}${fix}`, { cause: parts.cause });
    this.code = code;
    this.where = parts.where;
    this.expected = parts.expected;
    this.got = parts.got;
    this.fix = parts.fix;
  }
}
