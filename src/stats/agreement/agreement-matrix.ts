/**
 * Who agrees with whom, from how often each two people judged the same and said the same: a million judgements are a row a pair. Knows
 * no item and no label.
 */
import { checkLevel, checkProportion } from "../checks.js";
import { wilsonInterval } from "../wilson.js";

/** Two people, and the items that both judged. */
export interface SharedItems {
  one: string;
  other: string;
  compared: number;
  agreed: number;
}

export interface PairAgreement extends SharedItems {
  agreement: number;
  low: number;
  high: number;
  /** They agree more or less than all pairs together do, beyond what chance explains over as many pairs. */
  unlike: "more" | "less" | null;
}

export interface AgreementMatrix {
  /** Who agrees most with the others first. */
  people: string[];
  /** Those who share items, each pair once: `one` stands before `other` in `people`. */
  pairs: PairAgreement[];
  /** Of all pairs that were given, together; null without any. */
  overall: number | null;
  /** People who share items and are not shown, because others share more. */
  leftOut: number;
}

/**
 * Shares of the same answer with Wilson's intervals at `level`. `unlike` compares with the share over all pairs, at (1 - level) over
 * all pairs shown together (Bonferroni). `most`: how many people are shown, those who share the most.
 */
export function agreementMatrix(
  shared: readonly SharedItems[],
  { most = Infinity, level = 0.95 }: { most?: number; level?: number } = {},
): AgreementMatrix {
  checkLevel("agreementMatrix", level);
  const counted = shared.filter(({ compared }) => compared !== 0);
  for (const { compared, agreed } of counted) checkProportion("agreementMatrix", agreed, compared);
  const sums = new Map<string, { compared: number; agreed: number }>();
  const all = { compared: 0, agreed: 0 };
  for (const { one, other, compared, agreed } of counted) {
    all.compared += compared;
    all.agreed += agreed;
    for (const person of [one, other]) {
      const sum = sums.get(person) ?? { compared: 0, agreed: 0 };
      sums.set(person, { compared: sum.compared + compared, agreed: sum.agreed + agreed });
    }
  }
  const overall = all.compared === 0 ? null : all.agreed / all.compared;
  const share = (person: string): number => sums.get(person)!.agreed / sums.get(person)!.compared;
  const people = [...sums.keys()]
    .toSorted((a, b) => sums.get(b)!.compared - sums.get(a)!.compared || a.localeCompare(b, "en"))
    .slice(0, most)
    .toSorted((a, b) => share(b) - share(a) || a.localeCompare(b, "en"));
  const place = new Map(people.map((name, k) => [name, k]));
  const shown = counted.filter(({ one, other }) => place.has(one) && place.has(other));
  const strict = 1 - (1 - level) / Math.max(1, shown.length);
  const pairs = shown.map(({ one, other, compared, agreed }): PairAgreement => {
    const [first, second] = place.get(one)! < place.get(other)! ? [one, other] : [other, one];
    const { low, high } = wilsonInterval(agreed, compared, { level: strict });
    return {
      one: first,
      other: second,
      compared,
      agreed,
      agreement: agreed / compared,
      ...wilsonInterval(agreed, compared, { level }),
      unlike: low > overall! ? "more" : high < overall! ? "less" : null,
    };
  });
  pairs.sort((a, b) => place.get(a.one)! - place.get(b.one)! || place.get(a.other)! - place.get(b.other)!);
  return { people, pairs, overall, leftOut: sums.size - people.length };
}
