/** JSON Lines and plain text, one row a line, streaming. Knows nothing of what the rows mean. */
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

/** Lines as bytes without their end, numbered from 1. A byte order mark is left out. */
async function* splitLines(
  file: string,
  options: ReadOptions,
): AsyncGenerator<{ bytes: Buffer; line: number }> {
  let pieces: Buffer[] = [];
  let held = 0;
  let line = 1;
  const finish = (last: Buffer): Buffer => {
    let bytes = pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
    pieces = [];
    held = 0;
    if (bytes.at(-1) === 0x0d) bytes = bytes.subarray(0, -1);
    if (line === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    return bytes;
  };
  for await (const piece of readBytes(file, options)) {
    let start = 0;
    for (let end = piece.indexOf(0x0a); end >= 0; end = piece.indexOf(0x0a, start)) {
      yield { bytes: finish(piece.subarray(start, end)), line };
      line += 1;
      start = end + 1;
    }
    if (start < piece.length) pieces.push(piece.subarray(start));
    held += piece.length - start;
    if (held > maximumRowBytes) throw tooLong(file, line);
  }
  if (held > 0) yield { bytes: finish(Buffer.alloc(0)), line };
}

function refuseUtf16(bytes: Buffer, file: string): void {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new AttuneError("data", {
      where: file,
      expected: "UTF-8 text",
      got: "UTF-16",
      fix: "convert it: iconv -f UTF-16 -t UTF-8",
    });
  }
}

/** One JSON value a line. Empty lines are skipped; broken JSON and invalid UTF-8 are bad rows. */
export async function* readJsonLines(file: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  for await (const { bytes, line } of splitLines(file, options)) {
    if (line === 1) refuseUtf16(bytes, file);
    const text = decodeUtf8(bytes);
    if (text === undefined) {
      const reason = "the line is not valid UTF-8";
      reportBadRow({ file, line, reason, base64: bytes.toString("base64") }, options.onBadRow);
      continue;
    }
    if (text.trim() === "") continue;
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch (cause) {
      reportBadRow(
        { file, line, reason: `broken JSON: ${(cause as Error).message}`, row: text },
        options.onBadRow,
      );
      continue;
    }
    yield { row, file, line };
  }
}

/** Each line that is not empty as one text. */
export async function* readTextLines(file: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  for await (const { bytes, line } of splitLines(file, options)) {
    if (line === 1) refuseUtf16(bytes, file);
    const text = decodeUtf8(bytes);
    if (text === undefined) {
      const reason = "the line is not valid UTF-8";
      reportBadRow({ file, line, reason, base64: bytes.toString("base64") }, options.onBadRow);
    } else if (text.trim() !== "") {
      yield { row: { text }, file, line };
    }
  }
}
