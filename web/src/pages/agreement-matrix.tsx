/** Who agrees with whom: every two people, and one person's pairs with their intervals. Knows no single item. */
import { useState } from "preact/hooks";
import type { ResponseOf } from "../../../src/server/api.js";
import { IntervalChart, type Reading } from "../charts/interval-chart.js";
import { percent } from "../words.js";

type Matrix = ResponseOf<"agreementPairs">;
type Pair = Matrix["pairs"][number];

/** With more people there is room for the share alone; the rest is in the text of the cell, and in one person's list. */
const mostWhole = 12;

export function AgreementMatrix({ of: matrix }: { of: Matrix }) {
  const [chosen, choose] = useState<string | null>(null);
  const { people, pairs, overall, left_out: leftOut } = matrix;
  const found = new Map(pairs.flatMap((pair) => keysOf(pair).map((key) => [key, pair] as const)));
  const whole = people.length <= mostWhole;
  const unlike = pairs.filter((pair) => pair.unlike !== null).length;
  if (overall === null) return null;
  return (
    <>
      <h2>Who agrees with whom</h2>
      <p class="muted">
        How often two people said the same, of the items that both judged; {percent(overall)} over all pairs.
        Luck is in it, and nobody is right by agreeing. Who agrees most with the others comes first.{" "}
        {unlike === 0
          ? "No pair differs from that by more than chance explains."
          : `Framed: ${unlike} of ${pairs.length} pairs that differ from it by more than chance explains over as many.`}
        {leftOut > 0 && ` ${leftOut} more people share fewer items and are not shown.`}
      </p>
      <div class="matrix-frame" tabIndex={0} role="group" aria-label="Who agrees with whom">
        <table class="matrix">
          <thead>
            <tr>
              <td />
              {people.map((name) => (
                <th key={name} scope="col">
                  <span>{name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {people.map((row) => (
              <tr key={row}>
                <th scope="row">
                  <button
                    type="button"
                    class="quiet"
                    aria-pressed={row === chosen}
                    aria-label={`${row}: all pairs with intervals`}
                    onClick={() => choose(row === chosen ? null : row)}
                  >
                    {row}
                  </button>
                </th>
                {people.map((column) => (
                  <Cell key={column} of={found.get(key(row, column))} same={row === column} whole={whole} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {chosen !== null && people.includes(chosen) && (
        <IntervalChart
          title={`${chosen} with each of the others`}
          rows={readings(pairs, chosen)}
          from={0}
          to={1}
          mark={overall}
          format={percent}
        />
      )}
    </>
  );
}

function Cell({ of: pair, same, whole }: { of: Pair | undefined; same: boolean; whole: boolean }) {
  if (same) return <td class="self" />;
  if (pair === undefined)
    return (
      <td class="none" title="no item in common">
        –
      </td>
    );
  const interval = `${percent(pair.low)}–${percent(pair.high)}`;
  const items = `${pair.agreed} of ${pair.compared}`;
  return (
    <td
      class={pair.unlike === null ? "number" : "number unlike"}
      title={`${interval}, ${items} items`}
      style={{ "--share": pair.agreement }}
    >
      {percent(pair.agreement)}
      <small class={whole ? "" : "visually-hidden"}>
        {" "}
        {interval}
        <br />
        {items}
      </small>
      {pair.unlike !== null && <span class="visually-hidden"> {pair.unlike} than the others</span>}
    </td>
  );
}

const key = (one: string, other: string): string => JSON.stringify([one, other]);
const keysOf = ({ one, other }: Pair): string[] => [key(one, other), key(other, one)];

const readings = (pairs: readonly Pair[], chosen: string): Reading[] =>
  pairs
    .filter(({ one, other }) => one === chosen || other === chosen)
    .map(({ one, other, agreement, low, high, agreed, compared }) => ({
      name: one === chosen ? other : one,
      value: agreement,
      low,
      high,
      note: `the same on ${agreed} of ${compared} items`,
    }));
