/**
 * TRL's `pack_dataset`: token rows joined into rows of one length. Knows only lists of equal length. Our own batches
 * pack groups without cutting them (`rows.ts`); this is for parity and for plain language modelling.
 */
import { AttuneError } from "../errors.js";

export interface PackingOptions {
  /** Most tokens a packed row. */
  length: number;
  /**
   * `bfd`: best fit decreasing, what is longer than `length` is cut away; `bfd_split`: it is packed too;
   * `wrapped`: all rows end to end, cut every `length` tokens. Default `bfd`, as TRL.
   */
  strategy?: "bfd" | "bfd_split" | "wrapped";
}

type Columns = Readonly<Record<string, readonly number[]>>;
/** A piece of a row: which row, from where, how many tokens. */
type Piece = readonly [row: number, start: number, count: number];

export interface PackedRow {
  columns: Record<string, number[]>;
  /** Tokens of each sequence in it; absent for `wrapped`, which does not keep them apart. */
  sequenceLengths?: number[];
}

/**
 * Packs rows whose columns (`input_ids`, `labels`) have equal lengths; empty rows vanish. Sequences sorted by length,
 * ties in order, each into the fullest bin that still fits, the oldest of equally full ones.
 */
export function packRows(
  rows: readonly Columns[],
  { length, strategy = "bfd" }: PackingOptions,
): PackedRow[] {
  if (!Number.isInteger(length) || length < 1) {
    throw new AttuneError("config", {
      where: "packing: length",
      expected: "a whole number of at least 1",
      got: String(length),
    });
  }
  const sizes = rows.map((row, index) => sizeOf(row, index));
  const names = Object.keys(rows[0] ?? {});
  const take = (pieces: readonly Piece[]): Record<string, number[]> =>
    Object.fromEntries(
      names.map((name) => [
        name,
        pieces.flatMap(([row, start, count]) => rows[row]?.[name]?.slice(start, start + count) ?? []),
      ]),
    );
  if (strategy === "wrapped") return wrap(sizes, length).map((pieces) => ({ columns: take(pieces) }));
  const pieces = sizes.flatMap((size, row): Piece[] => {
    if (strategy === "bfd") return size === 0 ? [] : [[row, 0, Math.min(size, length)]];
    return Array.from({ length: Math.ceil(size / length) }, (_, part): Piece => [
      row,
      part * length,
      Math.min(length, size - part * length),
    ]);
  });
  return bestFit(pieces, length).map((bin) => ({
    columns: take(bin),
    sequenceLengths: bin.map(([, , count]) => count),
  }));
}

function sizeOf(row: Columns, index: number): number {
  const sizes = new Set(Object.values(row).map((column) => column.length));
  if (sizes.size > 1) {
    throw new AttuneError("data", {
      where: `packing: row ${index}`,
      expected: "columns of equal length",
      got: [...sizes].join(", "),
    });
  }
  return [...sizes][0] ?? 0;
}

function wrap(sizes: readonly number[], length: number): Piece[][] {
  const bins: Piece[][] = [];
  let room = 0;
  sizes.forEach((size, row) => {
    for (let start = 0; start < size;) {
      if (room === 0) {
        bins.push([]);
        room = length;
      }
      const count = Math.min(room, size - start);
      bins.at(-1)?.push([row, start, count]);
      start += count;
      room -= count;
    }
  });
  return bins;
}

function bestFit(pieces: readonly Piece[], length: number): Piece[][] {
  const bins: Piece[][] = [];
  /** Bins by the space they have left, oldest first. */
  const bySpace: number[][] = Array.from({ length: length + 1 }, () => []);
  for (const piece of pieces.toSorted((a, b) => b[2] - a[2])) {
    const count = piece[2];
    let space = count;
    while (space <= length && bySpace[space]?.length === 0) space += 1;
    const bin = space <= length ? (bySpace[space]?.shift() as number) : bins.push([]) - 1;
    const left = (space <= length ? space : length) - count;
    bins[bin]?.push(piece);
    bySpace[left]?.push(bin);
  }
  return bins;
}
