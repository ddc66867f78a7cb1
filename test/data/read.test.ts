import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readRows, type BadRow, type Progress } from "../../src/data/index.js";
import { splitOfPath } from "../../src/data/splits-of-folder.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-read-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function read(source: string, options: Parameters<typeof readRows>[1] = {}) {
  const bad: BadRow[] = [];
  const rows: unknown[] = [];
  const lines: number[] = [];
  for await (const { row, line } of readRows(source, { onBadRow: (each) => bad.push(each), ...options })) {
    rows.push(row);
    lines.push(line);
  }
  return { rows, lines, bad };
}

describe("JSON Lines", () => {
  test("give rows with their lines; broken ones are reported and kept unaltered", async () => {
    const invalid = Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]);
    const path = put(
      "a.jsonl",
      Buffer.concat([Buffer.from('\ufeff{"a":1}\r\n\n{"a":\n'), invalid, Buffer.from('\n{"a":"é\u2028"}')]),
    );
    const { rows, lines, bad } = await read(path);
    expect(rows).toEqual([{ a: 1 }, { a: "é\u2028" }]);
    expect(lines).toEqual([1, 5]);
    expect(bad.map(({ line, reason }) => [line, reason.split(":")[0]])).toEqual([
      [3, "broken JSON"],
      [4, "the line is not valid UTF-8"],
    ]);
    expect(bad[0]!.row).toBe('{"a":');
    expect(Buffer.from(bad[1]!.base64!, "base64")).toEqual(invalid);
  });

  test("stop at the first bad row when nobody collects them", async () => {
    const path = put("a.jsonl", "{}\n{");
    await expect(read(path, { onBadRow: undefined })).rejects.toThrow(
      /a\.jsonl:2: expected a row that can be read, got broken JSON/,
    );
  });

  test("are read through gzip, broken JSON in its middle included, whatever the name", async () => {
    const text = Array.from({ length: 500 }, (_, i) =>
      i === 250 ? '{"i":' : JSON.stringify({ i, pad: "x".repeat(i) }),
    ).join("\n");
    const progress: Progress[] = [];
    const { rows, bad } = await read(put("a.jsonl", gzipSync(text)), {
      onProgress: (each) => progress.push(each),
    });
    expect([rows.length, bad.length, bad[0]!.line]).toEqual([499, 1, 251]);
    expect(progress.at(-1)!.bytesRead).toBe(progress.at(-1)!.bytesTotal);
  });

  test("end with an error when the gzip is truncated or damaged, whatever was read before", async () => {
    const zipped = gzipSync(Array.from({ length: 3000 }, (_, i) => JSON.stringify({ i })).join("\n"));
    await expect(read(put("a.jsonl.gz", zipped.subarray(0, zipped.length / 2)))).rejects.toThrow(
      /a whole gzip file, got a truncated one/,
    );
    const damaged = Buffer.from(zipped);
    damaged.fill(0x55, zipped.length >> 1, (zipped.length >> 1) + 40);
    await expect(read(put("b.jsonl.gz", damaged))).rejects.toThrow(/a whole gzip file, got a damaged one/);
  });

  test("of many megabytes need little memory", async () => {
    const line = `${JSON.stringify({ prompt: "p".repeat(200), chosen: "c".repeat(400), rejected: "r".repeat(400) })}\n`;
    const path = put("big.jsonl", line.repeat(60000));
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let most = 0;
    let count = 0;
    for await (const _ of readRows(path)) {
      count += 1;
      if (count % 5000 === 0) most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(count).toBe(60000);
    expect(most).toBeLessThan(200e6);
  });
});

describe("JSON", () => {
  test("gives the elements of an array, across any cut of the stream", async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      i,
      text: `a "quote" \\ [${"é{".repeat(i % 90)}`,
    }));
    const result = await read(put("a.json", JSON.stringify(rows, null, 1)));
    expect(result.rows).toEqual(rows);
    expect(result.lines.slice(0, 3)).toEqual([2, 6, 10]);
    expect((await read(put("b.json", JSON.stringify(["one", 2, "thr,ee"])))).rows).toEqual([
      "one",
      2,
      "thr,ee",
    ]);
    expect((await read(put("c.json", "[]"))).rows).toEqual([]);
  });

  test("gives the rows under `data`, a single object, or values one after another", async () => {
    expect((await read(put("a.json", '{"version":"1","data":[{"a":1},{"a":2}],"more":[3]}'))).rows).toEqual([
      { a: 1 },
      { a: 2 },
    ]);
    expect((await read(put("b.json", '{"a":"data","b":[1,2]}'))).rows).toEqual([{ a: "data", b: [1, 2] }]);
    expect((await read(put("c.json", '{"a":1}\n{"a":2}'))).rows).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("reports a broken element, and a file that ends too early", async () => {
    const { rows, bad } = await read(put("a.json", '[{"a":1},\n{"a" 2},\n{"a":3}]'));
    expect(rows).toEqual([{ a: 1 }, { a: 3 }]);
    expect([bad[0]!.line, bad[0]!.row]).toEqual([2, '{"a" 2}']);
    await expect(read(put("b.json", '[{"a":1},\n{"a":'))).rejects.toThrow(/b\.json:2: .*ends inside a row/);
    await expect(read(put("c.json", '[{"a":"x]'))).rejects.toThrow(/ends inside a text/);
    await expect(read(put("d.json", "[1] x"))).rejects.toThrow(/after the end of the array/);
  });
});

describe("CSV and Parquet", () => {
  test("CSV cells stay text, but for messages, labels and margins", async () => {
    const path = put(
      "a.csv",
      'prompt,completion,label,margin,extra\n"a\n""b""",[1],True,0.5,7\n"[{""role"":""user"",""content"":""x""}]",é,0,,\nshort,row\n',
    );
    const { rows, lines, bad } = await read(path);
    expect(rows).toEqual([
      { prompt: 'a\n"b"', completion: "[1]", label: true, margin: 0.5, extra: "7" },
      { prompt: [{ role: "user", content: "x" }], completion: "é", label: false, margin: "", extra: "" },
    ]);
    expect(lines).toEqual([2, 4]);
    expect(bad.map(({ line, reason }) => [line, reason])).toEqual([
      [5, "2 cells, but the header has 5 columns"],
    ]);
  });

  test("TSV, and CSV with invalid UTF-8", async () => {
    expect((await read(put("a.tsv", "prompt\tcompletion\nx\ty,z\n"))).rows).toEqual([
      { prompt: "x", completion: "y,z" },
    ]);
    const { rows, bad } = await read(
      put("b.csv", Buffer.concat([Buffer.from("a\n"), Buffer.from([0xff, 0x0a]), Buffer.from("ok\n")])),
    );
    expect(rows).toEqual([{ a: "ok" }]);
    expect(bad.map((each) => [each.line, each.reason])).toEqual([[2, "the record is not valid UTF-8"]]);
  });

  test("Parquet, and gzip of it, with lists of messages and whole numbers", async () => {
    const messages = [[{ role: "user", content: "é" }], [{ role: "user", content: "b" }]];
    const bytes = new Uint8Array(
      parquetWriteBuffer({
        columnData: [
          { name: "prompt", data: ["p", "q"], type: "STRING" },
          { name: "messages", data: messages, type: "JSON" },
          { name: "n", data: [1n, 2n], type: "INT64" },
        ],
      }),
    );
    const expected = [
      { prompt: "p", messages: messages[0], n: 1 },
      { prompt: "q", messages: messages[1], n: 2 },
    ];
    expect(await read(put("a.parquet", bytes))).toMatchObject({ rows: expected, lines: [1, 2], bad: [] });
    expect((await read(put("b.parquet.gz", gzipSync(bytes)))).rows).toEqual(expected);
    await expect(read(put("c.parquet", bytes.subarray(0, 60)))).rejects.toThrow(/a whole Parquet file/);
  });
});

describe("folders and ids", () => {
  test("a folder gives one split, train unless another is asked for", async () => {
    put("data/train-00000-of-00002.jsonl", '{"a":1}');
    put("data/train-00001-of-00002.jsonl", '{"a":2}');
    put("data/test-00000-of-00001.jsonl", '{"a":3}');
    put("README.md", "x");
    put(".hidden/train.jsonl", "{}");
    expect((await read(folder)).rows).toEqual([{ a: 1 }, { a: 2 }]);
    expect((await read(folder, { split: "test" })).rows).toEqual([{ a: 3 }]);
    await expect(read(folder, { split: "validation" })).rejects.toThrow(
      /a split named validation, got splits test, train/,
    );
  });

  test("split names are those of the hub's data sets", () => {
    expect(splitOfPath("data/test_prefs-00000-of-00001-abc123.parquet")).toBe("test_prefs");
    expect(splitOfPath("harmless-base/test.jsonl.gz")).toBe("test");
    expect(splitOfPath("dev/x.json")).toBe("validation");
    expect(splitOfPath("pretraining.json")).toBeUndefined();
  });

  test("what is not data is refused by name", async () => {
    await expect(read(put("a.pkl", "x"))).rejects.toThrow(
      /got a pickle file\n {2}fix: pickle files can run code/,
    );
    await expect(read(put("b", Buffer.from([0x80, 0x04, 0x95])))).rejects.toThrow(/a pickle file/);
    await expect(read(put("c.jsonl", Buffer.from("\ufeff{}", "utf16le")))).rejects.toThrow(/UTF-16/);
    await expect(read(join(folder, "none.jsonl"))).rejects.toThrow(/nothing of that name/);
    put("arrow/data-00000-of-00001.arrow", "x");
    await expect(read(join(folder, "arrow"))).rejects.toThrow(/Arrow files.*\n.*to_parquet/);
  });

  test("a hub id that cannot be reached is a network error that says what to do", async () => {
    const refuse = () =>
      Promise.reject(new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND") }));
    await expect(read("owner/name", { fetch: refuse, cacheDir: folder })).rejects.toMatchObject({
      code: "network",
      got: "fetch failed: getaddrinfo ENOTFOUND",
    });
  });

  test("a hub id without network is read from the cache", async () => {
    put("datasets--owner--name/refs/main", "abc");
    const path = put("datasets--owner--name/snapshots/abc/data/train.jsonl", '{"a":1}');
    const refuse = () => Promise.reject(new TypeError("fetch failed"));
    expect((await read("owner/name", { fetch: refuse, cacheDir: folder })).rows).toEqual([{ a: 1 }]);
    expect(readFileSync(path, "utf8")).toBe('{"a":1}');
  });
});
