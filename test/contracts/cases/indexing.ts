/** Conformance cases of the ops that read or write where an index says. */
import * as t from "../../../src/tensor/index.js";
import { at, type Case, cases, cells, i32, random, total } from "../case.js";

const table = random([4, 3], 1);
const x = random([2, 3, 4], 2);

function gather(indices: ReturnType<typeof i32>): Case {
  return {
    title: `rows of a matrix by indices [${indices.shape}], some twice`,
    feeds: { table, indices },
    build: (v) => t.gather(v["table"]!, v["indices"]!),
    expected: [Array.from(indices.data).flatMap((row) => cells([3], (j) => at(table, row, j!)))],
  };
}

function scatter(width: readonly number[]): Case {
  const indices = i32([4], [2, 0, 2, 2]);
  const updates = random([4, ...width], 3);
  return {
    title: `updates [${updates.shape}], three of them to one row, two rows to none`,
    feeds: { indices, updates },
    build: (v) => t.scatterAdd(v["indices"]!, v["updates"]!, 5),
    expected: [
      cells([5, ...width], (row, ...c) =>
        total(4, (k) => (indices.data[k] === row ? at(updates, k, ...c) : 0)),
      ),
    ],
  };
}

const one = i32([2, 3], [0, 3, 3, 1, 2, 0]);
const many = i32([2, 3, 2], [0, 0, 3, 1, 2, 2, 1, 0, 3, 3, 0, 1]);
const values = random([2, 3], 4);
const spread = random([2, 3, 2], 5);

export const indexing = cases({
  gather: [
    gather(i32([3], [3, 0, 3])),
    gather(i32([2, 2], [1, 1, 2, 0])),
    gather(i32([], [2])),
    {
      title: "entries of a vector, and int32 ones",
      feeds: { v: random([4], 9), n: i32([4], [10, 11, 12, 13]), indices: i32([2], [3, 1]) },
      build: (v) => [t.gather(v["v"]!, v["indices"]!), t.gather(v["n"]!, v["indices"]!)],
      expected: [
        [at(random([4], 9), 3), at(random([4], 9), 1)],
        [13, 11],
      ],
    },
  ],
  scatterAdd: [scatter([]), scatter([3]), scatter([2, 2])],
  take: [
    {
      title: "one entry of each row",
      feeds: { x, one },
      build: (v) => t.take(v["x"]!, v["one"]!),
      expected: [cells([2, 3], (i, j) => at(x, i!, j!, at(one, i!, j!)))],
    },
    {
      title: "of a vector",
      feeds: { x: random([4], 9), one: i32([], [2]) },
      build: (v) => t.take(v["x"]!, v["one"]!),
      expected: [[at(random([4], 9), 2)]],
    },
  ],
  put: [
    {
      title: "one entry of each row",
      feeds: { one, values },
      build: (v) => t.put(v["one"]!, v["values"]!, 4),
      expected: [cells([2, 3, 4], (i, j, k) => (at(one, i!, j!) === k ? at(values, i!, j!) : 0))],
    },
  ],
  takeAlong: [
    {
      title: "entries of each row, some twice",
      feeds: { x, many },
      build: (v) => t.takeAlong(v["x"]!, v["many"]!),
      expected: [cells([2, 3, 2], (i, j, k) => at(x, i!, j!, at(many, i!, j!, k!)))],
    },
  ],
  putAlong: [
    {
      title: "entries of each row, sums where two meet",
      feeds: { many, spread },
      build: (v) => t.putAlong(v["many"]!, v["spread"]!, 4),
      expected: [
        cells([2, 3, 4], (i, j, n) =>
          total(2, (k) => (at(many, i!, j!, k) === n ? at(spread, i!, j!, k) : 0)),
        ),
      ],
    },
  ],
});
