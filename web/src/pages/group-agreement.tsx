/** Agreement within each group of items: a table, where items are in groups. Knows no person. */
import type { ResponseOf } from "../../../src/server/api.js";
import { decimal, percent } from "../words.js";
import { Estimate } from "./estimate.js";

export function GroupAgreement({ of: { groups, left_out: leftOut } }: { of: ResponseOf<"agreementGroups"> }) {
  if (groups.length === 0) return null;
  return (
    <>
      <h2>Groups of items</h2>
      <p class="muted">
        Where two groups' intervals overlap, they may be equally hard. Who is given which groups is set in the
        Set-up.
        {leftOut > 0 && ` ${leftOut} more groups have fewer judgements and are not shown.`}
      </p>
      <div class="table-frame" tabIndex={0} role="group" aria-label="Groups of items">
        <table>
          <thead>
            <tr>
              {["Group", "Judged items", "Judgements", "Given only to", "Same answer", "Alpha"].map(
                (each, k) => (
                  <th key={each} scope="col" class={k ? "number" : ""}>
                    {each}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {groups.map(({ group, items, judgements, annotators, percent: same, alpha }) => (
              <tr key={group}>
                <th scope="row">{group}</th>
                <td class="number">{items.toLocaleString("en")}</td>
                <td class="number">{judgements.toLocaleString("en")}</td>
                <td class="number">
                  {annotators === 0 ? "–" : annotators === 1 ? "1 person" : `${annotators} people`}
                </td>
                <td class="number" title={same.note ?? ""}>
                  <Estimate of={same} format={percent} />
                </td>
                <td class="number" title={alpha.note ?? ""}>
                  <Estimate of={alpha} format={decimal} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
