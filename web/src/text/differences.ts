/** Where two texts differ, word by word: the pieces of each, and which of them the other lacks. Knows no screen. */
export interface Piece {
  text: string;
  own: boolean;
}

/** Cells of the table of longest common subsequences; above this the texts are no near-duplicates. */
const most = 4_000_000;

const wordsOf = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

/** Null where the texts are too long to compare. */
export function differences(a: string, b: string): [Piece[], Piece[]] | null {
  const [left, right] = [wordsOf(a), wordsOf(b)];
  let start = 0;
  while (start < Math.min(left.length, right.length) && left[start] === right[start]) start += 1;
  let end = 0;
  const room = Math.min(left.length, right.length) - start;
  while (end < room && left.at(-1 - end) === right.at(-1 - end)) end += 1;
  const [n, m] = [left.length - start - end, right.length - start - end];
  if (n * m > most) return null;

  // table[i][j]: words common to what follows i on the left and j on the right.
  const width = m + 1;
  const table = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      table[i * width + j] =
        left[start + i] === right[start + j]
          ? table[(i + 1) * width + j + 1]! + 1
          : Math.max(table[(i + 1) * width + j]!, table[i * width + j + 1]!);
    }
  }
  const [ownLeft, ownRight] = [new Set<number>(), new Set<number>()];
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    if (i < n && j < m && left[start + i] === right[start + j]) [i, j] = [i + 1, j + 1];
    else if (j >= m || (i < n && table[(i + 1) * width + j]! >= table[i * width + j + 1]!))
      ownLeft.add(start + i++);
    else ownRight.add(start + j++);
  }
  return [joined(left, ownLeft), joined(right, ownRight)];
}

function joined(words: readonly string[], own: ReadonlySet<number>): Piece[] {
  const pieces: Piece[] = [];
  words.forEach((text, k) => {
    const last = pieces.at(-1);
    if (last !== undefined && last.own === own.has(k)) last.text += text;
    else pieces.push({ text, own: own.has(k) });
  });
  return pieces;
}
