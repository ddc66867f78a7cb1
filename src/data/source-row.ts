/** What every reader yields, and how it reports a row it cannot give. Knows no file type and no format. */
import { AttuneError } from "../errors.js";

/** One row as it stands in the file. */
export interface SourceRow {
  row: unknown;
  file: string;
  /** Line where the row starts, from 1; the row's number where a file has no lines (Parquet). */
  line: number;
}

/** A row that could not be used, with all that is known of it. */
export interface BadRow {
  file: string;
  line: number;
  reason: string;
  /** The row itself, unaltered: a value, or the text of the line. */
  row?: unknown;
  /** The bytes in base64, where they are not valid text. */
  base64?: string;
}

export interface Progress {
  file: string;
  /** Bytes of the file as it lies on the disk (compressed), read so far and in all. */
  bytesRead: number;
  bytesTotal: number;
}

export interface ReadOptions {
  /** Called with each row that cannot be read; without it the first one is an error. */
  onBadRow?: (bad: BadRow) => void;
  onProgress?: (progress: Progress) => void;
}

/** Hands a bad row on, or throws it as a `data` error when nobody collects them. */
export function reportBadRow(bad: BadRow, onBadRow: ReadOptions["onBadRow"]): void {
  if (onBadRow !== undefined) {
    onBadRow(bad);
    return;
  }
  throw new AttuneError("data", {
    where: `${bad.file}:${bad.line}`,
    expected: "a row that can be read",
    got: bad.reason,
  });
}

/** Longest row that is read into memory. */
export const maximumRowBytes = 128 * 1024 * 1024;

export function tooLong(file: string, line: number): AttuneError {
  return new AttuneError("data", {
    where: `${file}:${line}`,
    expected: `rows of at most ${maximumRowBytes / 1024 / 1024} MB`,
    got: "a longer one",
    fix: "check that the file is what its name says, and that no bracket or quote is left open",
  });
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text, or undefined where the bytes are not UTF-8. Never replaces a character. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
