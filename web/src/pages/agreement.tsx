/** How far people agree, with intervals, and in words what each number means and what it does not. */
import type { ResponseOf } from "../../../src/server/api.js";
import { call } from "../api.js";
import { IntervalChart, type Reading } from "../charts/interval-chart.js";
import { LiveProgress } from "../live-progress.js";
import { Show, useLoad } from "../load.js";
import { Estimate } from "./estimate.js";
import { GroupAgreement } from "./group-agreement.js";
import { AgreementMatrix } from "./agreement-matrix.js";
import { decimal, percent, seconds } from "../words.js";

type Agreement = ResponseOf<"agreement">;
type Person = ResponseOf<"annotators">["annotators"][number];

export function AgreementPage() {
  const agreement = useLoad(() => call("agreement"));
  const people = useLoad(() => call("annotators"));
  const pairs = useLoad(() => call("agreementPairs"));
  const groups = useLoad(() => call("agreementGroups"));
  return (
    <>
      <h1>Agreement</h1>
      <LiveProgress />
      <Show of={agreement}>{(a) => <Numbers of={a} />}</Show>
      <Show of={groups}>{(each) => <GroupAgreement of={each} />}</Show>
      <Show of={people}>{({ annotators }) => <People of={annotators} />}</Show>
      <Show of={pairs}>{(matrix) => <AgreementMatrix of={matrix} />}</Show>
    </>
  );
}

function Numbers({ of: a }: { of: Agreement }) {
  return (
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
        title="How far people agree"
        rows={coefficients(a)}
        from={Math.min(-0.2, ...coefficients(a).flatMap(({ low }) => low ?? []))}
        to={1}
        mark={0}
        format={decimal}
      />
      <IntervalChart title="Shares" rows={shares(a)} from={0} to={1} mark={0.5} format={percent} />
    </>
  );
}

const coefficients = ({ percent: same, alpha, fleiss, ac1 }: Agreement): Reading[] => [
  {
    name: "Percent agreement",
    ...same,
    means: "How often two people who judged the same item said the same.",
    not: "Luck is in it: where two answers are equally common, guessing alone gives 0.50.",
  },
  {
    name: "Krippendorff's alpha",
    ...alpha,
    means:
      "Agreement beyond chance, for any number of people and with gaps: 1 is perfect, 0 is chance, below 0 is contradiction.",
    not: "It does not say who is right, and it falls where nearly all items get the same answer. The often quoted 0.67 and 0.80 were meant for coding facts, not for taste.",
  },
  {
    name: "Fleiss' kappa",
    ...fleiss,
    means: "The same idea from items that were judged equally often.",
    not: "Near alpha on many items; where they differ, trust alpha.",
  },
  {
    name: "Gwet's AC1",
    ...ac1,
    means: "Agreement beyond chance, with a chance that does not grow when one answer is rare.",
    not: "Not to be compared with alpha or kappa of another study: on lopsided answers it is higher by design.",
  },
];

const shares = ({ left, ceiling, tie_rate, skip_rate }: Agreement): Reading[] => [
  {
    name: "Left answer chosen",
    ...left,
    means: `Of decided pairs. Sides are drawn by lot, so one half is expected${left.p === null ? "" : ` (p = ${left.p.toPrecision(2)})`}.`,
    not: "A large p does not prove that sides did not matter; it only fails to show it.",
  },
  {
    name: "Best a model can score",
    ...ceiling,
    means: "The accuracy that a reward model can reach at best against labels as noisy as these.",
    not: "A model above it has learned the noise or seen the labels. It says nothing on other prompts.",
  },
  { name: "Ties", ...tie_rate, means: "Neither is better: equal, or both bad." },
  { name: "Skipped", ...skip_rate, means: "Not judged, with a reason given." },
];

/** More than this make no readable chart; the table has everybody. */
const mostDrawn = 25;

function People({ of: people }: { of: readonly Person[] }) {
  const judged = people.filter(({ judgements }) => judgements > 0);
  const drawn = judged.slice(0, mostDrawn);
  const rows = (pick: (person: Person) => Reading | Person["agreement"]): Reading[] =>
    drawn.map((person) => ({ ...pick(person), name: person.annotator, note: null }));
  return (
    <>
      <h2>People</h2>
      <p class="muted">
        Intervals are wide on few judgements: a low value with a wide interval is no reason to doubt anybody.
        Time is active time, and no race.
      </p>
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
                "Left chosen",
                "Time each",
              ].map((each, k) => (
                <th key={each} scope="col" class={k ? "number" : ""}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {people.map((p) => (
              <tr key={p.annotator}>
                <th scope="row">
                  {p.annotator}
                  {p.disabled && <span class="muted"> shut out</span>}
                </th>
                <td class="number">{p.judgements}</td>
                {[p.agreement, p.gold, p.consistency, p.left].map((each, k) => (
                  <td key={k} class="number">
                    <Estimate of={each} format={percent} />
                  </td>
                ))}
                <td class="number">{seconds(p.mean_active_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {drawn.length > 1 && (
        <div class="beside">
          <IntervalChart
            bare
            title="Agrees with others"
            rows={rows(({ agreement }) => agreement)}
            from={0}
            to={1}
            format={percent}
          />
          <IntervalChart
            bare
            title="Left answer chosen"
            rows={rows(({ left }) => left)}
            from={0}
            to={1}
            mark={0.5}
            format={percent}
          />
        </div>
      )}
    </>
  );
}

const Tile = ({ value, label }: { value: string; label: string }) => (
  <div class="tile">
    <b>{value}</b>
    <span>{label}</span>
  </div>
);
