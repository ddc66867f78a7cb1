/** The report's account of the training stages: what each did, and its curves. Composes; measures nothing. */
import { html, lineChart, type Html, type LineChartOptions, type LineSeries } from "../../evaluate/index.js";
import type { Outcome } from "./outcome.js";
import type { Settings } from "./settings.js";
import type { Trained } from "./train-stage.js";
import {
  agreementSentence,
  dpoSentence,
  judgingSentence,
  ppoSentence,
  rewardSentence,
  sftSentence,
} from "./words.js";

export function stagesSection(outcome: Outcome, { plan }: Settings): Html {
  const { sft, reward, dpo, ppo } = outcome;
  return html`<h3>1. People judged</h3>
    <p>
      ${judgingSentence(outcome.judged)} ${agreementSentence(outcome.judged)} Real judgements are noisy too:
      whatever learns from them cannot be surer than they are.
    </p>
    <h3>2. SFT: imitate demonstrations</h3>
    <p>
      ${plan.demonstrations} answers written by people, most of them right and plain, some not. The model
      learns to make them likelier. ${sftSentence(sft)}
    </p>
    ${curves(sft, [["loss", "Loss", "nats a token; lower is better", {}]])}
    <h3>3. Reward model: learn the people’s taste</h3>
    <p>
      The same network with a single number as its output, trained so that the answer people chose gets the
      higher number (Bradley-Terry). ${rewardSentence(reward)}
    </p>
    ${curves(reward, [
      ["loss", "Loss", "lower is better", { reference: { y: Math.LN2, name: "guessing (ln 2)" } }],
      [
        "accuracy",
        "Agreement with people’s choices",
        "share of pairs",
        { reference: { y: 0.5, name: "guessing" } },
      ],
    ])}
    <h3>4. DPO: make liked answers likelier</h3>
    <p>
      Straight on the judged pairs, without the reward model: raise the chosen answer’s probability against
      the rejected one’s, and do not stray too far from SFT (beta ${plan.dpo.beta}). ${dpoSentence(dpo)}
    </p>
    ${curves(dpo, [
      ["loss", "Loss", "lower is better", { reference: { y: Math.LN2, name: "start (ln 2)" } }],
      [
        "rewards/margins",
        "Margin of chosen over rejected",
        "beta times log-ratio",
        { reference: { y: 0, name: "no preference" } },
      ],
      [
        "rewards/accuracies",
        "Pairs ranked as people did",
        "share of pairs",
        { reference: { y: 0.5, name: "guessing" } },
      ],
      ["logps", "Log-probability of the answers", "nats an answer", {}],
    ])}
    <h3>5. PPO: reinforcement learning against the reward model</h3>
    <p>
      The classic path: the SFT model answers, the reward model scores, and proximal policy optimisation with
      a critic makes what scored above expectation likelier; ${plan.ppo.klCoef} times the KL to SFT is taken
      off the reward. ${ppoSentence(ppo)}
    </p>
    ${curves(ppo, [
      [
        "objective/scores",
        "Reward model’s score of its own answers",
        "higher is better, to the reward model",
        {},
      ],
      ["objective/kl", "KL from SFT", "nats an answer", { reference: { y: 0, name: "no change" } }],
    ])}`;
}

type Curve = [metric: string, title: string, unit: string, options: Pick<LineChartOptions, "reference">];

function curves({ history }: Trained, list: readonly Curve[]): Html {
  return html`<div class="pair">
    ${list.map(([metric, title, unit, options]) =>
      lineChart(metric === "logps" ? answerSeries(history) : trainSeries(history, metric), {
        title,
        yLabel: `${unit}, by training step`,
        width: list.length > 1 ? "half" : "full",
        ...options,
      }),
    )}
  </div>`;
}

type History = Trained["history"];

const pointsOf = (history: History, name: string) =>
  history.flatMap((line) => (line[name] === undefined ? [] : [{ x: line.step, y: line[name] }]));

/** What was not measured has no place in the legend. */
const trainSeries = (history: History, metric: string): LineSeries[] =>
  [
    { name: "training", colour: 0, points: pointsOf(history, metric) },
    { name: "held out", colour: 2, points: pointsOf(history, `eval_${metric}`), dots: true },
  ].filter(({ points }) => points.length > 0);

const answerSeries = (history: History): LineSeries[] => [
  { name: "chosen, held out", colour: 3, points: pointsOf(history, "eval_logps/chosen"), dots: true },
  { name: "rejected, held out", colour: 2, points: pointsOf(history, "eval_logps/rejected"), dots: true },
];
