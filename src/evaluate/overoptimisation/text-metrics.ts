/**
 * What a set of answers looks like as text: words said again within an answer, and how much the answers differ from each other.
 * Words are what stands between spaces, in lower case. Knows no score.
 */
import { AttuneError } from "../../errors.js";

/** n-grams of a text's words, in order. */
export function nGrams(text: string, n: number): string[] {
  const words = text.toLowerCase().match(/\S+/g) ?? [];
  const count = words.length - n + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => words.slice(i, i + n).join(" "));
}

/**
 * Distinct-n (Li et al. 2016, 1510.03055): different n-grams over all n-grams of all texts together, in (0, 1]; null where no
 * text has one. It falls with the number of words, so compare sets of as many answers to the same prompts.
 *
 * The standard error is the delete-one-cluster jackknife; null with fewer than two clusters that have n-grams.
 */
export function distinctNGrams(
  texts: readonly string[],
  { n = 2, clusters = texts.map((_, i) => String(i)) }: { n?: number; clusters?: readonly string[] } = {},
): { mean: number | null; standardError: number | null } {
  if (!Number.isInteger(n) || n < 1 || clusters.length !== texts.length) {
    throw new AttuneError("usage", {
      where: "distinctNGrams",
      expected: "a whole n of at least 1, and a cluster for each text",
      got: `n ${n}, ${clusters.length} clusters of ${texts.length} texts`,
    });
  }
  const whole = new Map<string, number>();
  const parts = new Map<string, Map<string, number>>();
  texts.forEach((text, i) => {
    const part = parts.get(clusters[i]!) ?? new Map<string, number>();
    parts.set(clusters[i]!, part);
    for (const gram of nGrams(text, n)) {
      whole.set(gram, (whole.get(gram) ?? 0) + 1);
      part.set(gram, (part.get(gram) ?? 0) + 1);
    }
  });
  const total = sumOf(whole.values());
  if (total === 0) return { mean: null, standardError: null };
  const mean = whole.size / total;
  const without = [...parts.values()].flatMap((part) => {
    const own = sumOf(part.values());
    // What only this cluster says goes with it.
    const only = [...part].filter(([gram, count]) => whole.get(gram) === count).length;
    return own === 0 || own === total ? [] : [(whole.size - only) / (total - own)];
  });
  const k = without.length;
  if (k < 2) return { mean, standardError: null };
  const centre = sumOf(without) / k;
  const squares = without.reduce((sum, each) => sum + (each - centre) ** 2, 0);
  return { mean, standardError: Math.sqrt(((k - 1) / k) * squares) };
}

const sumOf = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
