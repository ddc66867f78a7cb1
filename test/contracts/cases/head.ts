/** Conformance cases of the language-model head: log-probabilities, their gradients, statistics. */
import * as t from "../../../src/tensor/index.js";
import { at, cases, cells, i32, random, softmaxOf, total } from "../case.js";

const [n, d, v] = [5, 3, 7];
const hidden = random([n, d], 1);
const weight = random([v, d], 2);
const labels = i32([n], [6, 0, 3, 3, 1]);
const g = random([n], 3);

const OPTIONS: readonly t.LogProbAttrs[] = [
  { chunk: 256, scale: 1, softcap: 0 },
  { chunk: 2, scale: 1, softcap: 0 },
  { chunk: 5, scale: 0.7, softcap: 0 },
  { chunk: 2, scale: 1.3, softcap: 1.5 },
];
const show = ({ chunk, scale, softcap }: t.LogProbAttrs): string =>
  `chunk ${chunk}, scale ${scale}, softcap ${softcap}`;

const raw = (i: number, j: number): number => total(d, (l) => at(hidden, i, l) * at(weight, j, l));
const logits = (i: number, { scale, softcap }: t.LogProbAttrs): number[] =>
  cells([v], (j) => scale * (softcap === 0 ? raw(i, j!) : softcap * Math.tanh(raw(i, j!) / softcap)));

/** d (g log p(label)) / d (hidden . weight[j]) of row i. */
function slope(i: number, j: number, o: t.LogProbAttrs): number {
  const cap = o.softcap === 0 ? 1 : 1 / Math.cosh(raw(i, j) / o.softcap) ** 2;
  return at(g, i) * o.scale * cap * ((labels.data[i] === j ? 1 : 0) - softmaxOf(logits(i, o))[j]!);
}

const rows = <T>(f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));

export const head = cases({
  logProbs: OPTIONS.map((o) => ({
    title: show(o),
    feeds: { hidden, weight, labels },
    build: (x) => t.logProbs(x["hidden"]!, { weight: x["weight"]!, labels: x["labels"]! }, o),
    expected: [rows((i) => Math.log(softmaxOf(logits(i, o))[labels.data[i]!]!))],
  })),
  logProbsGradHidden: OPTIONS.map((o) => ({
    title: show(o),
    feeds: { hidden, weight, labels, g },
    build: (x) => t.make("logProbsGradHidden", [x["hidden"]!, x["weight"]!, x["labels"]!, x["g"]!], o),
    expected: [cells([n, d], (i, l) => total(v, (j) => slope(i!, j, o) * at(weight, j, l!)))],
  })),
  logProbsGradWeight: OPTIONS.map((o) => ({
    title: show(o),
    feeds: { hidden, weight, labels, g },
    build: (x) => t.make("logProbsGradWeight", [x["hidden"]!, x["weight"]!, x["labels"]!, x["g"]!], o),
    expected: [cells([v, d], (j, l) => total(n, (i) => slope(i, j!, o) * at(hidden, i, l!)))],
  })),
  vocabularyStats: OPTIONS.map((o) => ({
    title: show(o),
    feeds: { hidden, weight, labels },
    build: (x) => t.apply("vocabularyStats", [x["hidden"]!, x["weight"]!, x["labels"]!], o),
    expected: [
      rows((i) => -softmaxOf(logits(i, o)).reduce((sum, p) => sum + p * Math.log(p), 0)),
      rows((i) => (logits(i, o).indexOf(Math.max(...logits(i, o))) === labels.data[i] ? 1 : 0)),
      rows((i) => logits(i, o).reduce((a, b) => a + b, 0) / v),
    ],
  })),
});
