/**
 * A JSON file as rows, streaming: the elements of its array, of the array under `data`, `rows` or `examples`,
 * or its values one after another. Only one row is in memory at a time. Knows nothing of what the rows mean.
 *
 * Brackets and quotes are ASCII, which never occurs inside a UTF-8 sequence, so bytes are scanned, not characters.
 */
import { AttuneError } from "../errors.js";
import { readBytes } from "./bytes.js";
import {
  decodeUtf8,
  maximumRowBytes,
  reportBadRow,
  tooLong,
  type ReadOptions,
  type SourceRow,
} from "./source-row.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = new Set([0x7b, 0x5b]);
const CLOSE = new Set([0x7d, 0x5d]);
const ARRAY = 0x5b;
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const containerKeys = new Set(["data", "rows", "examples"]);

/** Every row of a JSON file, with the line on which it starts. A file that ends inside a row is a `data` error. */
export async function* readJson(file: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  let line = 1;
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** Depth at which rows lie: 0 for values one after another, 1 in an array, 2 in `{"data": [...]}`. */
  let rowDepth = 0;
  /** True after the rows of `{"data": [...]}` are over: what follows them is not a row. */
  let after = false;
  /** Bytes of the row under way; -1 in `from` when none is. */
  let pieces: Buffer[] = [];
  let held = 0;
  let rowLine = 0;
  let started = false;
  let seen = false;
  /** The text of the last string at depth 1: the key before a `[`. */
  let key = "";
  let keyStart = -1;
  let keyBytes: Buffer[] = [];

  function* finish(): Generator<SourceRow> {
    const bytes = Buffer.concat(pieces);
    pieces = [];
    held = 0;
    started = false;
    const text = decodeUtf8(bytes);
    if (text === undefined) {
      const reason = "the row is not valid UTF-8";
      reportBadRow({ file, line: rowLine, reason, base64: bytes.toString("base64") }, options.onBadRow);
      return;
    }
    if (text.trim() === "") return;
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch (cause) {
      const reason = `broken JSON: ${(cause as Error).message}`;
      reportBadRow({ file, line: rowLine, reason, row: text }, options.onBadRow);
      return;
    }
    yield { row, file, line: rowLine };
  }

  let first = true;
  for await (const whole of readBytes(file, options)) {
    let piece = whole;
    if (first) {
      first = false;
      if (piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf) piece = piece.subarray(3);
      if (piece[0] === 0xff || piece[0] === 0xfe) {
        throw new AttuneError("data", {
          where: file,
          expected: "UTF-8 text",
          got: "UTF-16 or no text at all",
          fix: "convert it: iconv -f UTF-16 -t UTF-8",
        });
      }
    }
    /** Where in this piece the row under way begins. */
    let from = started ? 0 : -1;
    if (keyStart >= 0) keyStart = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] as number;
      if (byte === 0x0a) line += 1;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          if (keyStart >= 0) {
            keyBytes.push(piece.subarray(keyStart, at));
            key = Buffer.concat(keyBytes).toString("utf8");
            keyBytes = [];
            keyStart = -1;
          }
          if (depth === rowDepth && rowDepth === 0 && started) {
            pieces.push(piece.subarray(from, at + 1));
            from = -1;
            yield* finish();
          }
        }
        continue;
      }
      if (SPACE.has(byte)) {
        // A bare number or word at the top ends at white space.
        if (rowDepth === 0 && depth === 0 && started) {
          pieces.push(piece.subarray(from, at));
          from = -1;
          yield* finish();
        }
        continue;
      }
      if (after && rowDepth === 1) {
        throw unbalanced(file, { line, got: "something after the end of the array" });
      }
      const isRowStart = !started && !after && depth === rowDepth && byte !== COMMA && !CLOSE.has(byte);
      if (isRowStart && !(depth === 0 && byte === ARRAY && !seen)) {
        started = true;
        rowLine = line;
        from = at;
      }
      seen = true;
      if (byte === QUOTE) {
        inString = true;
        if (depth === 1 && rowDepth === 0) keyStart = at + 1;
      } else if (OPEN.has(byte)) {
        if (depth === 0 && byte === ARRAY && !started) rowDepth = 1;
        else if (depth === 1 && rowDepth === 0 && byte === ARRAY && containerKeys.has(key)) {
          // The object that was read as a row turns out to be the wrapping of the rows.
          rowDepth = 2;
          started = false;
          from = -1;
          pieces = [];
          held = 0;
        }
        depth += 1;
      } else if (CLOSE.has(byte)) {
        depth -= 1;
        if (depth === rowDepth - 1) {
          if (started) {
            pieces.push(piece.subarray(from, at));
            from = -1;
            yield* finish();
          }
          after = true;
        } else if (started && rowDepth === 0 && depth === 0) {
          pieces.push(piece.subarray(from, at + 1));
          from = -1;
          yield* finish();
        }
        if (depth < 0) throw unbalanced(file, { line, got: "a closing bracket too many" });
      } else if (byte === COMMA && started && depth === rowDepth && rowDepth > 0) {
        pieces.push(piece.subarray(from, at));
        from = -1;
        yield* finish();
      }
    }
    if (from >= 0) {
      pieces.push(piece.subarray(from));
      held += piece.length - from;
      if (held > maximumRowBytes) throw tooLong(file, rowLine);
    }
    if (keyStart >= 0) {
      keyBytes.push(piece.subarray(keyStart));
      keyStart = 0;
    }
  }
  if (depth > 0 || inString) {
    throw unbalanced(file, {
      line: started ? rowLine : line,
      got: inString ? "a file that ends inside a text" : "a file that ends inside a row",
    });
  }
  if (started) yield* finish();
}

function unbalanced(file: string, { line, got }: { line: number; got: string }): AttuneError {
  return new AttuneError("data", {
    where: `${file}:${line}`,
    expected: "JSON with every bracket and quote closed",
    got,
    fix: "the file is truncated or a quote or bracket is missing from this line on; export it again",
  });
}
