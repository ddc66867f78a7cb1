/** The quick start's report: what was found, in words first, then drawn. Composes; measures nothing. */
import {
  distributionChart,
  html,
  intervalChart,
  percentWithInterval,
  renderPage,
  type Html,
  type IntervalChartOptions,
  type IntervalRow,
} from "../../evaluate/index.js";
import { modelNames, type Comparison, type ModelSummary } from "./compare-stage.js";
import { examplesSection } from "./report-answers.js";
import { stagesSection } from "./report-stages.js";
import { meaningSection, repeatSection, settingsSection } from "./report-texts.js";
import type { ReportInput } from "./report-input.js";
import { displayNames, duelOf, duelSentence, headline, times } from "./words.js";

/** report.html as text. */
export function renderReport(input: ReportInput): string {
  const { outcome, settings } = input;
  const { comparison } = outcome;
  return renderPage({
    title: settings.quick
      ? "Attune quick start (trial run: too short to mean anything)"
      : "Attune quick start",
    headline: headline(comparison),
    summary: summary(comparison),
    sections: [
      { id: "comparison", title: "Before and after", body: comparisonBody(comparison) },
      { id: "answers", title: "Five questions, four answers each", body: examplesSection(comparison) },
      { id: "stages", title: "How it got there", body: stagesSection(outcome, settings) },
      { id: "meaning", title: "What this means, and what it does not", body: meaningSection(outcome) },
      { id: "settings", title: "Settings", body: settingsSection(input) },
      { id: "repeat", title: "Repeat it, and go on", body: repeatSection(input) },
    ],
    footer: html`<p>
      Made by Attune ${input.version}. This file holds everything it shows and asks nothing of the network.
    </p>`,
  });
}

function summary(comparison: Comparison): Html {
  const { models } = comparison;
  const correct = (summary: ModelSummary): string =>
    percentWithInterval(summary.correct.mean, summary.correct);
  return html`<p class="lead">
      Attune took a tiny language model, let it imitate good answers (<b>SFT</b>), asked simulated people
      which of two answers they like better, and trained the model on their choices in two ways: directly
      (<b>DPO</b>), and by reinforcement learning against a reward model (<b>PPO</b>). Then all four models
      answered ${comparison.prompts} questions that none of them had been trained on,
      ${times(comparison.samples)} each.
    </p>
    <ul>
      ${comparison.duels.map((duel) => html`<li>${duelSentence(duel)}.</li>`)}
      <li>
        Answers with the right fact: base ${correct(models.base)}, SFT ${correct(models.sft)}, DPO
        ${correct(models.dpo)}, PPO ${correct(models.ppo)}.
      </li>
    </ul>
    <p class="soft">
      In brackets: 95% intervals. Prefer means: the answer has the higher true utility, the average of what
      the five simulated people want; ties count half.
    </p>`;
}

function comparisonBody(comparison: Comparison): Html {
  const { models } = comparison;
  const duels = intervalChart(
    comparison.duels.map(({ ours, theirs, people }) => ({
      label: `${displayNames[ours]} against ${displayNames[theirs]}`,
      value: people.winRate,
      low: people.low,
      high: people.high,
      colour: modelNames.indexOf(ours),
    })),
    {
      title: "Who wins? Share of cases in which people prefer the first model’s answer",
      xLabel: "win rate; the dashed line is a draw",
      reference: 0.5,
      percent: true,
    },
  );
  return html`${duels}
    <div class="pair">
      ${modelChart(models, ({ utility }) => utility, {
        title: "True utility: what people really think",
        xLabel: "mean, in log-odds; higher is better",
      })}
      ${modelChart(models, ({ reward }) => reward, {
        title: "Reward model: what it thinks they think",
        xLabel: "mean score; its zero has no meaning",
      })}
      ${modelChart(models, ({ correct }) => correct, {
        title: "Answers with the right fact",
        xLabel: "share of answers",
        percent: true,
      })}
      ${klChart(models)}
    </div>
    ${distributionChart(
      modelNames.map((name, colour) => ({
        name: displayNames[name],
        colour,
        values: comparison.answers[name].map(({ words }) => words),
      })),
      { title: "Length of the answers", xLabel: "words" },
    )}
    ${table(comparison)}`;
}

type Models = Comparison["models"];
type Chart = Pick<IntervalChartOptions, "title" | "xLabel" | "percent">;

const row = (label: string, { mean, low, high }: ModelSummary["utility"], colour: number): IntervalRow => ({
  label,
  value: mean,
  low,
  high,
  colour,
});

function modelChart(
  models: Models,
  of: (summary: ModelSummary) => ModelSummary["utility"],
  chart: Chart,
): Html {
  const rows = modelNames.map((name, colour) => row(displayNames[name], of(models[name]), colour));
  return intervalChart(rows, { ...chart, width: "half" });
}

function klChart({ sft, dpo, ppo }: Models): Html {
  const rows = [
    row("SFT from base", sft.klFromBase!, 1),
    row("DPO from SFT", dpo.klFromSft!, 2),
    row("PPO from SFT", ppo.klFromSft!, 3),
    row("DPO from base", dpo.klFromBase!, 2),
    row("PPO from base", ppo.klFromBase!, 3),
  ];
  const chart = { title: "KL: how far each has moved", xLabel: "nats an answer; 0 is no change" };
  return intervalChart(rows, { ...chart, width: "half" });
}

function table(comparison: Comparison): Html {
  const { models } = comparison;
  const rows: [string, (summary: ModelSummary) => ModelSummary["utility"] | null, "share" | "number"][] = [
    ["True utility (log-odds)", ({ utility }) => utility, "number"],
    ["Reward model’s score", ({ reward }) => reward, "number"],
    ["Right fact", ({ correct }) => correct, "share"],
    ["Words", ({ words }) => words, "number"],
    ["Ended by itself", ({ finished }) => finished, "share"],
    ["KL from base (nats an answer)", ({ klFromBase }) => klFromBase, "number"],
    ["KL from SFT, the reference of both (nats an answer)", ({ klFromSft }) => klFromSft, "number"],
  ];
  const write = (value: ModelSummary["utility"] | null, kind: "share" | "number"): string => {
    if (value === null) return "–";
    if (kind === "share") return percentWithInterval(value.mean, value);
    return `${value.mean.toFixed(2)} ± ${value.standardError.toFixed(2)}`.replace(/^-/, "−");
  };
  const { rewardModel } = duelOf(comparison, "dpo", "sft");
  const { rewardModel: ofPpo } = duelOf(comparison, "ppo", "sft");
  return html`<h3>All numbers</h3>
    <div class="scroll">
      <table>
        <tr>
          <th></th>
          ${modelNames.map((name) => html`<th class="number">${displayNames[name]}</th>`)}
        </tr>
        ${rows.map(
          ([name, of, kind]) =>
            html`<tr>
              <td>${name}</td>
              ${modelNames.map((model) => html`<td class="number">${write(of(models[model]), kind)}</td>`)}
            </tr> `,
        )}
      </table>
    </div>
    <p class="soft">
      ± is one standard error, brackets are 95% intervals; both take into account that answers about the same
      fact are not independent (${comparison.facts} facts). The reward model, asked instead of the people,
      would prefer DPO’s answer to SFT’s in ${percentWithInterval(rewardModel.winRate, rewardModel)} of cases,
      and PPO’s in ${percentWithInterval(ofPpo.winRate, ofPpo)}: where it is surer than the people are, part
      of its score has been learned to please it alone.
    </p>`;
}
