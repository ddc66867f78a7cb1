/** The page that goes beside exported rows: what they are, from whom, what was left out, how answers became rows. Knows no file. */
import type { ExportOptions, ExportReport } from "./options.js";

const columns: Readonly<Record<ExportOptions["as"], string>> = {
  preference: "`prompt`, `chosen`, `rejected`",
  unpaired: "`prompt`, `completion`, `label`",
  stepwise: "`prompt`, `completions` (steps), `labels`",
  ranked: "`prompt`, `completions` (best first), `ranks` (equal ranks are ties)",
  demonstration: "`prompt`, `completion`",
  prompt: "`prompt`",
};

export interface CardFile {
  name: string;
  rows: number;
  sha256: string;
}

/** Markdown with the front matter that the Hub reads. */
export function dataCard(
  options: ExportOptions & { guideline?: string | undefined },
  { report, files }: { report: ExportReport; files: readonly CardFile[] },
): string {
  const { project, as, ties = "drop", votes = "majority", margin = "small", neutral = "positive" } = options;
  const left = Object.entries(report.leftOut).toSorted(([, a], [, b]) => b - a);
  return [
    "---",
    "configs:",
    "  - config_name: default",
    "    data_files:",
    ...files.flatMap(({ name }) => [
      `      - split: ${/(?:^|\.)(\w+)\.jsonl$/.exec(name)?.[1] ?? "train"}`,
      `        path: ${JSON.stringify(name)}`,
    ]),
    "---",
    "",
    `# ${project}`,
    "",
    `Rows of TRL's type **${as}**: ${columns[as]}; \`item\` names the item in the project.`,
    "",
    "| file | rows | SHA-256 |",
    "|---|---:|---|",
    ...files.map(({ name, rows, sha256 }) => `| ${name} | ${rows} | \`${sha256}\` |`),
    "",
    "## Where the rows come from",
    "",
    `${report.judgements} judgements by ${report.annotators} annotators on ${report.items} items; ${report.adjudicated} decided by a reviewer.`,
    "Gold and practice items are not in the rows. Nobody saw who wrote an answer; sides were shuffled for each person and undone here.",
    "",
    "## How answers became rows",
    "",
    votes === "majority"
      ? "- One row an item: the answer that more annotators preferred than the other, however many ties there are. Every annotator has one vote, models too. A reviewer's decision counts alone."
      : "- One row a judgement: people who differ are all in it, so that the same pair may stand both ways.",
    as === "ranked"
      ? "- Candidates are ordered by the votes that they lost to the others, over all pairs (Borda's count; a tie is half a vote); equal places are ties."
      : "",
    as === "preference"
      ? ties === "drop"
        ? "- Ties and evenly split votes are left out."
        : "- Ties and evenly split votes are kept, with `soft_label` 0.5 and margin 0: their order means nothing. A trainer that reads no soft label must not be given them."
      : "",
    as === "preference"
      ? `- Strength: ${margin === "none" ? "not written" : `\`margin\`, ${margin === "small" ? "a third" : "one"} a degree, averaged over all votes; 0 where the item was rewritten; absent where the project did not ask for strength`}.`
      : "",
    as === "preference"
      ? "- `soft_label`, where there: the share of the votes for the chosen answer, a tie being half a vote."
      : "",
    as === "stepwise"
      ? `- A neutral step is ${neutral}. A solution ends before the first step that nobody judged.`
      : "",
    files.length > 1 ? "- Splits are made by prompt: no prompt is in two files." : "",
    "- `selection_probability`, where there: how likely the item was to be drawn for each of its judges. `selection_weight`, where items were chosen actively: means over the rows hold for the items of the project when weighted by it (arXiv 2101.11665).",
    "",
    "## What is not in it",
    "",
    left.length === 0 ? "Nothing was left out." : "| reason | number |\n|---|---:|",
    ...left.map(([reason, n]) => `| ${reason} | ${n} |`),
    ...(options.guideline === undefined
      ? []
      : [
          "",
          "## What annotators were told",
          "",
          ...options.guideline.split("\n").map((line) => `> ${line}`),
        ]),
    "",
  ]
    .filter((line, k, all) => line !== "" || all[k - 1] !== "")
    .join("\n");
}
