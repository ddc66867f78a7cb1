/** Pages that show what is there: my history, agreement, leaderboard. */
import { call } from "../api.js";
import { IntervalChart } from "../charts.js";
import { LiveProgress } from "../live-progress.js";
import { More, Show, useLoad, usePages } from "../load.js";
import { decimal, inWords, percent, seconds, when } from "../words.js";

export function History() {
  const history = usePages((after) =>
    call("history", { query: { limit: 100, after } }).then(({ entries, ...rest }) => ({
      rows: entries,
      ...rest,
    })),
  );
  return (
    <>
      <h1>What you judged</h1>
      <Show of={history}>
        {({ rows: entries }) =>
          entries.length === 0 ? (
            <p class="muted">
              Nothing yet. <a href="#/annotate">Judge the first</a>.
            </p>
          ) : (
            <ul class="list">
              {entries.map(({ judgement, excerpt, answer, submitted_at, active_ms, replaced }) => (
                <li key={judgement} class={replaced ? "replaced" : ""}>
                  <span class="grow" dir="auto">
                    {excerpt}
                  </span>
                  <b>{inWords(answer, (id) => id)}</b>
                  <span class="muted">
                    {when(submitted_at)} {seconds(active_ms)}
                  </span>
                  {replaced ? (
                    <span class="muted">changed later</span>
                  ) : (
                    <a href={`#/annotate/${encodeURIComponent(judgement)}`}>Change</a>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Show>
      <More of={history} />
    </>
  );
}

export function AgreementPage() {
  const agreement = useLoad(() => call("agreement"));
  const people = useLoad(() => call("annotators"));
  return (
    <>
      <h1>Agreement</h1>
      <LiveProgress />
      <Show of={agreement}>
        {(a) => (
          <>
            <div class="tiles">
              <Tile value={a.judgements.toLocaleString("en")} label="judgements" />
              <Tile value={a.items.toLocaleString("en")} label="items" />
              <Tile value={String(a.annotators)} label="annotators" />
              <Tile
                value={a.percent.value === null ? "–" : percent(a.percent.value)}
                label="of two people say the same"
              />
            </div>
            <ul class="words">
              {a.words.map((each) => (
                <li key={each}>{each}</li>
              ))}
            </ul>
            <IntervalChart
              caption="How far people agree: 1 is perfect, 0 is chance for all but the first"
              from={-0.2}
              to={1}
              mark={0}
              format={decimal}
              dots={[
                { name: "Percent agreement", ...a.percent },
                { name: "Krippendorff's alpha", ...a.alpha },
                { name: "Fleiss' kappa", ...a.fleiss },
                { name: "Gwet's AC1", ...a.ac1 },
              ]}
            />
            <IntervalChart
              caption="Shares"
              from={0}
              to={1}
              mark={0.5}
              format={percent}
              dots={[
                {
                  name: `Left answer chosen${a.left.p === null ? "" : `, p = ${a.left.p.toPrecision(2)}`}`,
                  ...a.left,
                },
                { name: "Best a model can score", ...a.ceiling },
                { name: "Ties", ...a.tie_rate },
                { name: "Skipped", ...a.skip_rate },
              ]}
            />
            {[a.percent, a.alpha, a.left, a.ceiling]
              .flatMap(({ note }) => note ?? [])
              .map((note) => (
                <p key={note} class="muted">
                  {note}
                </p>
              ))}
          </>
        )}
      </Show>
      <h2>People</h2>
      <p class="muted">Sides should be near half; time is active time, and no race.</p>
      <Show of={people}>
        {({ annotators }) => (
          <div class="table-frame" tabIndex={0} role="group" aria-label="People">
            <table>
              <thead>
                <tr>
                  {[
                    "Who",
                    "Judged",
                    "Agrees with others",
                    "Gold right",
                    "Same on repeats",
                    "Left",
                    "Time each",
                  ].map((each, k) => (
                    <th key={each} scope="col" class={k ? "number" : ""}>
                      {each}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {annotators.map((p) => (
                  <tr key={p.annotator}>
                    <th scope="row">
                      {p.annotator}
                      {p.disabled && <span class="muted"> shut out</span>}
                    </th>
                    <td class="number">{p.judgements}</td>
                    {[p.agreement, p.gold, p.consistency, p.left].map((each, k) => (
                      <td key={k} class="number">
                        {each.value === null ? "–" : percent(each.value)}
                        {each.low !== null && each.high !== null && (
                          <small>
                            {" "}
                            {percent(each.low)}–{percent(each.high)}
                          </small>
                        )}
                      </td>
                    ))}
                    <td class="number">{seconds(p.mean_active_ms)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Show>
    </>
  );
}

const Tile = ({ value, label }: { value: string; label: string }) => (
  <div class="tile">
    <b>{value}</b>
    <span>{label}</span>
  </div>
);

export function LeaderboardPage() {
  const board = useLoad(() => call("leaderboard"));
  const points = (strength: number): number => 1000 + (400 / Math.LN10) * strength;
  return (
    <>
      <h1>Leaderboard</h1>
      <Show of={board}>
        {({ rows, words }) => {
          if (rows.length === 0) return <p class="muted">No comparisons of named models yet.</p>;
          const ends = rows.flatMap(({ low, high }) => [points(low), points(high)]);
          return (
            <>
              <IntervalChart
                caption="Bradley-Terry strength in points: 100 points are odds of 1.8 to 1"
                from={Math.floor(Math.min(...ends) / 50) * 50}
                to={Math.ceil(Math.max(...ends) / 50) * 50}
                mark={1000}
                format={(value) => value.toFixed(0)}
                dots={rows
                  .toSorted((x, y) => y.strength - x.strength)
                  .map((row) => ({
                    name: `${row.model} (${row.comparisons})`,
                    value: points(row.strength),
                    low: points(row.low),
                    high: points(row.high),
                  }))}
              />
              <ul class="words">
                {words.map((each) => (
                  <li key={each}>{each}</li>
                ))}
              </ul>
            </>
          );
        }}
      </Show>
    </>
  );
}
