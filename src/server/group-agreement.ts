/** Agreement within each group of items, from how many of its items have each tally. Knows no query. */
import { agreementSummary } from "../stats/index.js";
import type { GroupPattern, PersonSums } from "../store/index.js";
import { countsOf, resamplesWithin, shownEstimate } from "./agreement.js";
import type { GroupAgreement } from "./api-schemas.js";

/** Groups at most, those with the most judgements: runs of an agent are in one group a task. */
const most = 50;

/** Draws over all groups at most: neither the page shall wait, nor everybody else for the page. */
const draws = 30_000;

export function groupAgreementOf({
  patterns,
  people,
}: {
  patterns: readonly GroupPattern[];
  people: readonly Pick<PersonSums, "groups">[];
}): GroupAgreement {
  const byGroup = new Map<string, GroupPattern[]>();
  for (const pattern of patterns) {
    const own = byGroup.get(pattern.group);
    if (own) own.push(pattern);
    else byGroup.set(pattern.group, [pattern]);
  }
  const rows = [...byGroup].map(([group, own]) => ({ group, ...countsOf(own) }));
  const judged = ({ counts, repeats }: (typeof rows)[number]): number =>
    counts.reduce((sum, row, k) => sum + repeats[k]! * row.reduce((a, b) => a + b, 0), 0);
  const shown = rows
    .toSorted((a, b) => judged(b) - judged(a) || a.group.localeCompare(b.group, "en"))
    .slice(0, most);
  const size = shown.reduce((sum, { counts }) => sum + counts.length, 0);
  const resamples = resamplesWithin(draws, size);
  return {
    groups: shown
      .map(({ group, counts, repeats }) => {
        const summary = agreementSummary(counts, { repeats, resamples });
        return {
          group,
          items: summary.items,
          judgements: summary.judgements,
          annotators: people.filter(({ groups }) => groups?.includes(group)).length,
          percent: shownEstimate(summary.percent, summary),
          alpha: shownEstimate(summary.alphaNominal, summary),
        };
      })
      .toSorted((a, b) => a.group.localeCompare(b.group, "en", { numeric: true })),
    left_out: rows.length - shown.length,
  };
}
