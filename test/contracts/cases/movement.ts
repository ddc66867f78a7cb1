/** Conformance cases of the ops that move elements. */
import * as t from "../../../src/tensor/index.js";
import { at, cases, cells, i32, random } from "../case.js";

const x = random([2, 3, 4], 3);
const feeds = { x };
const all = Array.from(x.data);
const whole = i32([2, 3], [1, 2, 3, 4, 5, 6]);

export const movement = cases({
  reshape: [
    { title: "keeps the row-major order", feeds, build: (v) => t.reshape(v["x"]!, [6, -1]), expected: [all] },
    {
      title: "int32 to one axis",
      feeds: { whole },
      build: (v) => t.reshape(v["whole"]!, [6]),
      expected: [[1, 2, 3, 4, 5, 6]],
    },
    {
      title: "to a scalar and back",
      feeds: { one: random([1, 1], 1) },
      build: (v) => [t.reshape(v["one"]!, []), t.reshape(t.reshape(v["one"]!, []), [1, 1, 1])],
      expected: [Array.from(random([1, 1], 1).data), Array.from(random([1, 1], 1).data)],
    },
  ],
  transpose: [
    {
      title: "three axes in a cycle",
      feeds,
      build: (v) => t.transpose(v["x"]!, [2, 0, 1]),
      expected: [cells([4, 2, 3], (k, i, j) => at(x, i!, j!, k!))],
    },
    {
      title: "the last two",
      feeds,
      build: (v) => t.transpose(v["x"]!, [0, 2, 1]),
      expected: [cells([2, 4, 3], (i, k, j) => at(x, i!, j!, k!))],
    },
  ],
  expand: [
    {
      title: "an axis of 1 and new leading axes",
      feeds: { x: random([3, 1], 1) },
      build: (v) => t.expand(v["x"]!, [2, 3, 4]),
      expected: [cells([2, 3, 4], (...c) => at(random([3, 1], 1), ...c))],
    },
    {
      title: "a scalar",
      feeds: { x: random([], 1) },
      build: (v) => t.expand(v["x"]!, [2, 2]),
      expected: [cells([2, 2], () => random([], 1).data[0]!)],
    },
  ],
  slice: [
    {
      title: "a range of the middle axis",
      feeds,
      build: (v) => t.slice(v["x"]!, 1, { start: 1, end: 3 }),
      expected: [cells([2, 2, 4], (i, j, k) => at(x, i!, j! + 1, k!))],
    },
    {
      title: "an empty range",
      feeds,
      build: (v) => [t.slice(v["x"]!, 2, { start: 2, end: 2 })],
      expected: [[]],
    },
    {
      title: "int32",
      feeds: { whole },
      build: (v) => t.slice(v["whole"]!, 1, { start: 2, end: 3 }),
      expected: [[3, 6]],
    },
  ],
  pad: [
    {
      title: "zeros on both sides",
      feeds,
      build: (v) => t.pad(v["x"]!, 1, { before: 1, after: 2 }),
      expected: [cells([2, 6, 4], (i, j, k) => (j! < 1 || j! > 3 ? 0 : at(x, i!, j! - 1, k!)))],
    },
    {
      title: "int32, the first axis, one side",
      feeds: { whole },
      build: (v) => t.pad(v["whole"]!, 0, { before: 0, after: 1 }),
      expected: [[1, 2, 3, 4, 5, 6, 0, 0, 0]],
    },
  ],
  concat: [
    {
      title: "three parts of the middle axis, one of them twice",
      feeds: { x, y: random([2, 1, 4], 8) },
      build: (v) => t.concat([v["x"]!, v["y"]!, v["x"]!], 1),
      expected: [
        cells([2, 7, 4], (i, j, k) =>
          j === 3 ? at(random([2, 1, 4], 8), i!, 0, k!) : at(x, i!, j! % 4, k!),
        ),
      ],
    },
    {
      title: "with an empty part",
      feeds: { x, none: random([2, 0, 4], 8) },
      build: (v) => t.concat([v["none"]!, v["x"]!], 1),
      expected: [all],
    },
  ],
  split: [
    {
      title: "uneven parts of the last axis",
      feeds,
      build: (v) => t.split(v["x"]!, 2, [1, 3]),
      expected: [
        cells([2, 3, 1], (i, j) => at(x, i!, j!, 0)),
        cells([2, 3, 3], (i, j, k) => at(x, i!, j!, k! + 1)),
      ],
    },
    {
      title: "of which only the second is used",
      feeds,
      build: (v) => [t.mul(t.split(v["x"]!, 0, [1, 1])[1]!, 2)],
      expected: [cells([1, 3, 4], (_, j, k) => 2 * at(x, 1, j!, k!))],
    },
  ],
});
