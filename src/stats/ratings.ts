/** Ratings to counts: the table that every agreement coefficient here takes. Knows no coefficient. */

/**
 * `counts[item][category]` from `ratings[item]`, the labels that an item got, in any order; null and undefined are
 * missing. Categories are in order of first appearance unless given.
 */
export function countRatings<L>(
  ratings: readonly (readonly (L | null | undefined)[])[],
  categories?: readonly L[],
): { counts: number[][]; categories: L[] } {
  const known = [...(categories ?? new Set(ratings.flat().filter((label): label is L => label != null)))];
  const counts = ratings.map((labels) =>
    known.map((category) => labels.filter((label) => label === category).length),
  );
  return { counts, categories: known };
}
