/** The report's side-by-side answers: what the models say to the same questions. Model output is shown escaped, as text. */
import { html, signed, type Html } from "../../evaluate/index.js";
import { modelNames, type Comparison, type JudgedAnswer, type ModelName } from "./compare-stage.js";
import { displayNames } from "./words.js";

const shown = 5;

/** One table: the first prompts of the seeded order, the first answer of each model. Nothing is picked by hand. */
export function examplesSection({ answers }: Comparison): Html {
  return html`<p>
      The first ${Math.min(shown, firstAnswers(answers.base).length)} questions of the comparison in its
      random order, and each model’s first answer: nothing is picked by hand.
    </p>
    <div class="scroll">
      <table>
        <tr>
          ${modelNames.map((name) => html`<th style="width: 25%">${displayNames[name]}</th>`)}
        </tr>
        ${sideBySide({ answers }).map(
          (row) =>
            html`<tr>
                <td class="question" colspan="${modelNames.length}">${row.prompt}</td>
              </tr>
              <tr>
                ${modelNames.map((name) => cell(row[name]))}
              </tr> `,
        )}
      </table>
    </div>
    <p class="soft">
      Utility is what the five people think of the answer on average: the right fact, few words beyond 14, no
      hedging, no robot talk, a kind word, a proper end.
    </p>`;
}

export type SideBySide = { prompt: string } & Record<ModelName, JudgedAnswer>;

/** The five answers before and after, for the page and for the terminal. */
export function sideBySide({ answers }: Pick<Comparison, "answers">, count = shown): SideBySide[] {
  const [base, sft, dpo, ppo] = modelNames.map((name) => firstAnswers(answers[name]));
  return base!.slice(0, count).map((answer, i) => ({
    prompt: answer.prompt,
    base: answer,
    sft: sft![i]!,
    dpo: dpo![i]!,
    ppo: ppo![i]!,
  }));
}

const firstAnswers = (answers: readonly JudgedAnswer[]): JudgedAnswer[] =>
  answers.filter(({ sample }) => sample === 0);

const claims = {
  right: { words: "right fact", style: "right" },
  wrong: { words: "wrong fact", style: "wrong" },
  mixed: { words: "contradicts itself", style: "wrong" },
  none: { words: "says no fact", style: "soft" },
} as const;

function cell({ text, claim, utility }: JudgedAnswer): Html {
  const { words, style } = claims[claim];
  return html`<td>
    <span class="answer">${text.trim() === "" ? "(empty)" : text}</span>
    <span class="mark"><b class="${style}">${words}</b> · utility ${signed(utility, 1)}</span>
  </td>`;
}
