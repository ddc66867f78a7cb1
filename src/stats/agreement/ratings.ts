/** Ratings to counts: the table that every agreement coefficient here takes. Knows no coefficient. */
import { AttuneError } from "../../errors.js";

/**
 * `counts[item][category]` from `ratings[item]`, the labels that an item got, in any order; null and undefined are
 * missing. Categories are in order of first appearance unless given; a label that is not among those given is refused, NaN
 * always.
 */
export function countRatings<L>(
  ratings: readonly (readonly (L | null | undefined)[])[],
  categories?: readonly L[],
): { counts: number[][]; categories: L[] } {
  const known = [...(categories ?? new Set(ratings.flat().filter((label): label is L => label != null)))];
  const places = new Map(known.map((category, place) => [category, place]));
  const counts = ratings.map((labels, item) => {
    const row = known.map(() => 0);
    for (const label of labels) {
      if (label == null) continue;
      row[placeOf(places, label, `countRatings: item ${item}`)]!++;
    }
    return row;
  });
  return { counts, categories: known };
}

/** `ratings[item][rater]` as places among the categories, null where missing: what coefficients that tell raters apart take. */
export function codeRatings<L>(
  ratings: readonly (readonly (L | null | undefined)[])[],
  categories?: readonly L[],
): { codes: (number | null)[][]; categories: L[] } {
  const known = [...(categories ?? new Set(ratings.flat().filter((label): label is L => label != null)))];
  const places = new Map(known.map((category, place) => [category, place]));
  const codes = ratings.map((labels, item) =>
    labels.map((label) => (label == null ? null : placeOf(places, label, `codeRatings: item ${item}`))),
  );
  return { codes, categories: known };
}

function placeOf<L>(places: ReadonlyMap<L, number>, label: L, where: string): number {
  const place = places.get(label);
  if (place === undefined || Number.isNaN(label)) {
    throw new AttuneError("data", {
      where,
      expected: `a label among ${JSON.stringify([...places.keys()])}`,
      got: String(label),
      fix: "pass null for a missing label, or list every category",
    });
  }
  return place;
}
