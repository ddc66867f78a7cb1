/** Whose answers were preferred: Bradley-Terry strengths with intervals, and what they do not say. */
import type { ResponseOf } from "../../../src/server/api.js";
import { call } from "../api.js";
import { IntervalChart } from "../charts/interval-chart.js";
import { Show, useLoad } from "../load.js";
import { percent } from "../words.js";

type Row = ResponseOf<"leaderboard">["rows"][number];

/** Natural-log strengths as the points that chess made known; the average is 1000. */
const points = (strength: number): number => 1000 + (400 / Math.LN10) * strength;

export function LeaderboardPage() {
  const board = useLoad(() => call("leaderboard"));
  return (
    <>
      <h1>Leaderboard</h1>
      <Show of={board}>
        {({ rows, words }) =>
          rows.length === 0 ? (
            <p class="muted">
              No comparisons of named models yet. Names come from the data: a candidate's source says which
              model wrote it, and judging people never see it.
            </p>
          ) : (
            <>
              <ul class="words">
                {words.map((each) => (
                  <li key={each}>{each}</li>
                ))}
              </ul>
              <Board rows={rows.toSorted((x, y) => y.strength - x.strength)} />
            </>
          )
        }
      </Show>
    </>
  );
}

function Board({ rows }: { rows: readonly Row[] }) {
  const ends = rows.flatMap(({ low, high }) => [points(low), points(high)]);
  return (
    <>
      <IntervalChart
        title="Strength in points"
        from={Math.floor(Math.min(...ends) / 50) * 50}
        to={Math.ceil(Math.max(...ends) / 50) * 50}
        mark={1000}
        format={(value) => value.toFixed(0)}
        rows={rows.map((row, k) => ({
          name: row.model,
          value: points(row.strength),
          low: points(row.low),
          high: points(row.high),
          ...against(row, rows[k + 1]),
        }))}
      />
      <p class="muted">
        1000 is the average of these models. A lead of 100 points is an expected win in {percent(0.64)} of
        decided pairs. Each interval is for one model against that average, not for the difference of two.
      </p>
      <h2>What it is made from</h2>
      <div class="table-frame" tabIndex={0} role="group" aria-label="Comparisons">
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" class="number">
                Comparisons
              </th>
              <th scope="col" class="number">
                Won
              </th>
              <th scope="col" class="number">
                Ties
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ model, comparisons, wins, ties }) => (
              <tr key={model}>
                <th scope="row">{model}</th>
                <td class="number">{comparisons}</td>
                <td class="number">{wins}</td>
                <td class="number">{ties}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** In words, beside the next one down. */
function against(row: Row, next: Row | undefined): { means?: string; not?: string } {
  if (next === undefined) return {};
  const wins = 1 / (1 + Math.exp(next.strength - row.strength));
  return {
    means: `Expected to be preferred to ${next.model} in ${percent(wins)} of decided pairs.`,
    ...(row.low < next.high && {
      not: "Their intervals overlap, so these judgements alone do not settle the order of the two.",
    }),
  };
}
