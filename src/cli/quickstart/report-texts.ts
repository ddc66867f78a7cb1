/** The report's words: what the numbers mean and do not mean, the settings, and how to go on. */
import { html, percent, type Html } from "../../evaluate/index.js";
import type { Outcome } from "./outcome.js";
import type { ReportInput } from "./report-input.js";
import type { Training } from "./settings.js";

export function meaningSection({ comparison, reward }: Outcome): Html {
  return html`<ul>
      <li>
        <b>Win rate</b>: two models answer the same question; how often is the first one’s answer liked
        better? 50% is a draw. An interval that stays on one side of 50% is a difference that chance hardly
        explains.
      </li>
      <li>
        <b>True utility</b> is known here only because the people are simulated. With real people you have the
        reward model and fresh judgements, nothing else. That is why both are shown: where the reward model’s
        score rises and the true utility does not, the model has learned to please the reward model
        (over-optimisation).
      </li>
      <li>
        <b>Reward accuracy</b> is to be compared with ${percent(reward.ceiling.accuracy)}, the ceiling that
        noisy judgements leave, and not with 100%.
      </li>
      <li>
        <b>KL</b> says how much the model has changed: the mean of log p(new) − log p(old) over the new
        model’s own answers. Small is careful, large is risky; it says nothing about better or worse.
      </li>
      <li>
        <b>The right fact</b>: preferences can make a model say what it knows, more plainly. They hardly teach
        it new facts: about a fact that it never learned it stays wrong, perhaps more confidently.
      </li>
    </ul>
    <p>
      What it does <b>not</b> show: that these settings suit your model, that people who are not simulated
      would agree, or that a model of 1.3 million parameters is good for anything but this.
      ${comparison.prompts} questions about a made-up town are a small world. Five people with known tastes
      are not the public; their common taste is a choice that somebody made, here the authors of Attune.
    </p>`;
}

export function settingsSection({ settings, outcome }: ReportInput): Html {
  const { plan } = settings;
  const row = (
    name: string,
    { epochs, batchSize, learningRate }: Training,
    o: { steps: number; rows: number; unit: string },
  ) =>
    html`<tr>
      <td>${name}</td>
      <td class="number">${o.rows} ${o.unit}</td>
      <td class="number">${epochs}</td>
      <td class="number">${batchSize}</td>
      <td class="number">${learningRate}</td>
      <td class="number">${o.steps}</td>
    </tr>`;
  const { sft, reward, dpo, ppo, judged } = outcome;
  return html`<div class="scroll">
      <table>
        <tr>
          <th></th>
          <th class="number">Data</th>
          <th class="number">Epochs</th>
          <th class="number">Batch</th>
          <th class="number">Learning rate</th>
          <th class="number">Steps</th>
        </tr>
        ${row("SFT", plan.sft, { steps: sft.steps, rows: plan.demonstrations, unit: "demonstrations, a tenth held out" })}
        ${row("Reward model", plan.reward, { steps: reward.steps, rows: judged.train.length, unit: "pairs" })}
        ${row("DPO", plan.dpo, { steps: dpo.steps, rows: judged.train.length, unit: "pairs" })}
        <tr>
          <td>PPO</td>
          <td class="number">${plan.ppo.rollouts * plan.ppo.answers} own answers</td>
          <td class="number">${plan.ppo.passes} a rollout</td>
          <td class="number">${plan.ppo.answers / plan.ppo.miniBatches}</td>
          <td class="number">${plan.ppo.learningRate}</td>
          <td class="number">${ppo.steps}</td>
        </tr>
      </table>
    </div>
    <ul>
      <li>
        All parameters are trained, with AdamW (betas 0.9 and 0.999, no decay), gradients clipped at norm 1,
        linear decay after 10% warm-up (PPO: without).
      </li>
      <li>
        DPO: sigmoid loss, beta ${plan.dpo.beta}, the SFT model as live reference. Checked before the first
        step: ${dpo.checks.join("; ")}.
      </li>
      <li>
        PPO: ${plan.ppo.rollouts} rollouts of ${plan.ppo.answers} answers; KL (k1) times ${plan.ppo.klCoef} in
        the reward, advantages by GAE (lambda 0.95), clip 0.2, a critic on the policy’s own body.
      </li>
      <li>
        Answers: temperature 1, nothing cut away, at most ${plan.maxNewTokens} tokens. Seed ${settings.seed}.
      </li>
    </ul>`;
}

export function repeatSection({ next, settings }: ReportInput): Html {
  const flags = [
    `--seed ${settings.seed}`,
    ...(settings.quick ? ["--quick"] : []),
    ...(settings.plan.prompts === 300 ? [] : [`--prompts ${settings.plan.prompts}`]),
  ];
  return html`<p>The same seed on the same machine gives the same numbers:</p>
    <pre><code>npx attune quickstart ${flags.join(" ")}</code></pre>
    ${next.map(
      ({ purpose, command }) =>
        html`<p>${purpose}:</p>
          <pre><code>${command}</code></pre>`,
    )}
    <p>
      Beside this file: <code>data/</code> holds the demonstrations, judgements, preference pairs and all
      answers (one JSON object a line, in TRL’s columns), <code>sft/</code>, <code>reward/</code>,
      <code>dpo/</code> and <code>ppo/</code> hold a model folder that transformers loads, a checkpoint and
      the log of every step, <code>results.json</code> all numbers, <code>run.json</code> what is needed to
      repeat the run.
    </p>`;
}
