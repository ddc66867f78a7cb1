/** Conformance cases of reductions, running sums and order. */
import * as t from "../../../src/tensor/index.js";
import { at, type Case, cases, cells, f32, i32, random, total } from "../case.js";

const x = random([2, 3, 4], 5);
const feeds = { x };
const m = random([3, 4], 6);
const tied = f32([2, 4], [2, 1, 2, 1, 0, 3, 3, 3]);

const running = (axis: 0 | 1, { reverse = false, exclusive = false }): Case => {
  const n = m.shape[axis]!;
  // Entry i of a result is the sum of those that come before it in the direction of the sum.
  const before = (j: number, i: number): boolean => (reverse ? j > i : j < i) || (!exclusive && j === i);
  return {
    title: `axis ${axis}${reverse ? ", from the end" : ""}${exclusive ? ", without itself" : ""}`,
    feeds: { m },
    build: (v) => t.cumsum(v["m"]!, axis, { reverse, exclusive }),
    expected: [
      cells([3, 4], (i, j) =>
        total(n, (k) => (before(k, axis === 0 ? i! : j!) ? (axis === 0 ? at(m, k, j!) : at(m, i!, k)) : 0)),
      ),
    ],
  };
};

function sorted(descending: boolean): Case[] {
  const rows = cells([3], (i) => i!).map((i) =>
    cells([4], (j) => at(m, i, j!))
      .map((value, j) => ({ value, j }))
      .sort((a, b) => (descending ? b.value - a.value : a.value - b.value)),
  );
  const build: Case["build"] = (v) => {
    const { values, indices } = t.sort(v["x"]!, { descending });
    return [values, indices];
  };
  return [
    {
      title: descending ? "descending" : "ascending",
      feeds: { x: m },
      build,
      expected: [rows.flat().map((r) => r.value), rows.flat().map((r) => r.j)],
    },
    {
      title: `ties ${descending ? "descending" : "ascending"} keep the order they had`,
      feeds: { x: tied },
      build,
      expected: descending
        ? [
            [2, 2, 1, 1, 3, 3, 3, 0],
            [0, 2, 1, 3, 1, 2, 3, 0],
          ]
        : [
            [1, 1, 2, 2, 0, 3, 3, 3],
            [1, 3, 0, 2, 0, 1, 2, 3],
          ],
      gradients: { x: [1, 1, 1, 1, 1, 1, 1, 1] },
    },
  ];
}

export const reduce = cases({
  sum: [
    {
      title: "all axes",
      feeds,
      build: (v) => t.sum(v["x"]!),
      expected: [[total(24, (i) => x.data[i]!)]],
    },
    {
      title: "two axes, counted from the end",
      feeds,
      build: (v) => t.sum(v["x"]!, { axes: [-3, -1] }),
      expected: [cells([3], (j) => total(2, (i) => total(4, (k) => at(x, i, j!, k))))],
    },
    {
      title: "one axis, kept",
      feeds,
      build: (v) => t.sum(v["x"]!, { axes: [1], keep: true }),
      expected: [cells([2, 1, 4], (i, _, k) => total(3, (j) => at(x, i!, j, k!)))],
    },
    {
      title: "an empty axis",
      feeds: { none: f32([2, 0], []) },
      build: (v) => t.sum(v["none"]!, { axes: [1] }),
      expected: [[0, 0]],
    },
    {
      title: "int32",
      feeds: { n: i32([2, 2], [1, 2, 3, 4]) },
      build: (v) => t.sum(v["n"]!, { axes: [0] }),
      expected: [[4, 6]],
    },
  ],
  max: [
    {
      title: "one axis",
      feeds,
      build: (v) => t.max(v["x"]!, { axes: [1] }),
      expected: [cells([2, 4], (i, k) => Math.max(...cells([3], (j) => at(x, i!, j!, k!))))],
    },
    {
      title: "all axes, kept",
      feeds,
      build: (v) => t.max(v["x"]!, { keep: true }),
      expected: [[Math.max(...x.data)]],
    },
    {
      title: "ties share the gradient evenly",
      feeds: { x: tied },
      build: (v) => t.max(v["x"]!, { axes: [-1] }),
      expected: [[2, 3]],
      gradients: { x: [1 / 2, 0, 1 / 2, 0, 0, 1 / 3, 1 / 3, 1 / 3] },
    },
  ],
  argmax: [
    {
      title: "the first of equals",
      feeds: { x: tied },
      build: (v) => t.argmax(v["x"]!),
      expected: [[0, 1]],
    },
    {
      title: "three axes",
      feeds,
      build: (v) => t.argmax(v["x"]!),
      expected: [
        cells([2, 3], (i, j) => {
          const row = cells([4], (k) => at(x, i!, j!, k!));
          return row.indexOf(Math.max(...row));
        }),
      ],
    },
  ],
  cumsum: [
    running(0, {}),
    running(1, {}),
    running(1, { reverse: true }),
    running(1, { exclusive: true }),
    running(0, { reverse: true, exclusive: true }),
  ],
  sort: [...sorted(false), ...sorted(true)],
});
