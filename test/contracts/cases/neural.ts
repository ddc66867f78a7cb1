/** Conformance cases of softmax, norms and rotary embedding. */
import * as t from "../../../src/tensor/index.js";
import { at, type Case, cases, cells, f32, i32, random, softmaxOf, total } from "../case.js";

const x = random([2, 3, 4], 1);
const rowsOf = (v: typeof x, n: number): number[][] =>
  Array.from({ length: v.data.length / n }, (_, i) => Array.from(v.data.slice(i * n, (i + 1) * n)));
const steep = f32([2, 3], [1000, 0, -1000, -1e9, 2, 1]);

function norm(kind: "rms" | "layer", h: typeof x, eps: number): Case {
  const [n, d] = h.shape as [number, number];
  const weight = random([d], 12);
  const bias = random([d], 13);
  const mean = (i: number) => (kind === "rms" ? 0 : total(d, (j) => at(h, i, j)) / d);
  const inverse = (i: number) => 1 / Math.sqrt(total(d, (j) => (at(h, i, j) - mean(i)) ** 2) / d + eps);
  const y = cells(
    [n, d],
    (i, j) => (at(h, i!, j!) - mean(i!)) * inverse(i!) * at(weight, j!) + (kind === "rms" ? 0 : at(bias, j!)),
  );
  const inverses = cells([n, 1], (i) => inverse(i!));
  const title = `[${h.shape}], eps ${eps}`;
  if (kind === "rms") {
    const build: Case["build"] = (v) => t.apply("rmsNorm", [v["h"]!, v["weight"]!], { eps });
    return { title, feeds: { h, weight }, build, expected: [y, inverses] };
  }
  return {
    title,
    feeds: { h, weight, bias },
    build: (v) => t.apply("layerNorm", [v["h"]!, v["weight"]!, v["bias"]!], { eps }),
    expected: [y, cells([n, 1], (i) => mean(i!)), inverses],
  };
}

const withZeros = f32([2, 4], [0, 0, 0, 0, 1, -2, 0.5, 3]);

function rotary(headDim: number, rotaryDim: number, inverse: boolean): Case {
  const half = rotaryDim / 2;
  const q = random([2, 3, 2 * headDim], 20);
  const positions = i32([2, 3], [0, 1, 2, 4, 0, 1]);
  const angle = (p: number, j: number) => p / 10 ** (j / half);
  const cos = f32(
    [5, half],
    cells([5, half], (p, j) => Math.cos(angle(p!, j!))),
  );
  const sin = f32(
    [5, half],
    cells([5, half], (p, j) => Math.sin(angle(p!, j!))),
  );
  return {
    title: `${rotaryDim} of ${headDim}${inverse ? ", backwards" : ""}`,
    feeds: { q, positions, cos, sin },
    build: (v) => t.rotary(v["q"]!, v["positions"]!, { cos: v["cos"]!, sin: v["sin"]!, headDim, inverse }),
    // A pair (a, b) is a complex number that is turned by the angle of its position.
    expected: [
      cells([2, 3, 2 * headDim], (r, s, c) => {
        const j = c! % headDim;
        if (j >= rotaryDim) return at(q, r!, s!, c!);
        const turn = (inverse ? -1 : 1) * at(sin, at(positions, r!, s!), j % half);
        const stay = at(cos, at(positions, r!, s!), j % half);
        return j < half
          ? at(q, r!, s!, c!) * stay - at(q, r!, s!, c! + half) * turn
          : at(q, r!, s!, c!) * stay + at(q, r!, s!, c! - half) * turn;
      }),
    ],
    wrt: ["q"],
  };
}

export const neural = cases({
  softmax: [
    {
      title: "three axes",
      feeds: { x },
      build: (v) => t.softmax(v["x"]!),
      expected: [rowsOf(x, 4).flatMap(softmaxOf)],
    },
    {
      title: "far apart",
      feeds: { steep },
      build: (v) => t.softmax(v["steep"]!),
      expected: [[1, 0, 0, 0, ...softmaxOf([2, 1])]],
    },
  ],
  logSoftmax: [
    {
      title: "three axes",
      feeds: { x },
      build: (v) => t.logSoftmax(v["x"]!),
      expected: [rowsOf(x, 4).flatMap((row) => softmaxOf(row).map(Math.log))],
    },
    {
      title: "far apart",
      feeds: { steep: f32([1, 3], [1000, 0, -1000]) },
      build: (v) => t.logSoftmax(v["steep"]!),
      expected: [[0, -1000, -2000]],
    },
  ],
  rmsNorm: [norm("rms", random([3, 4], 10), 1e-5), norm("rms", withZeros, 0.01)],
  layerNorm: [norm("layer", random([3, 4], 11), 1e-5), norm("layer", withZeros, 0.01)],
  rotary: [rotary(4, 4, false), rotary(4, 4, true), rotary(8, 4, false)],
});
