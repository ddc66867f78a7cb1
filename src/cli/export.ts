/** `attune export`: a project's judgements as the data types of training, with a data card; or everything, to be imported again. */
import type { ExportKind } from "../store/export/index.js";
import { choice, flag, number, optionalText, whole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { projectSource, storeSettings, withStore } from "./open-store.js";
import { counted } from "./show.js";
import { dumpFiles, exportFiles, type Exported } from "./store/export-files.js";

const kinds = {
  dpo: "preference",
  reward: "preference",
  kto: "unpaired",
  stepwise: "stepwise",
  ranked: "ranked",
  sft: "demonstration",
  prompts: "prompt",
} as const satisfies Record<string, ExportKind>;

const settings = {
  to: choice("dpo", {
    choices: ["dpo", "reward", "kto", "stepwise", "ranked", "sft", "prompts", "dump"],
    doc: "Data type: pairs (dpo, reward), single answers with a thumb (kto), judged steps, rankings, the best answers (sft), prompts, or all there is.",
    source: "TRL's data types",
  }),
  output: optionalText({ doc: "Folder to make; it must not be there yet.", source: "PROJECT-TO" }),
  ...storeSettings,
  ties: choice("drop", {
    choices: ["drop", "keep"],
    doc: "Ties and evenly split votes: left out, or kept with soft_label 0.5 and margin 0.",
    source: "ours",
  }),
  votes: choice("majority", {
    choices: ["majority", "each"],
    doc: "One row an item by majority, or one a judgement. A reviewer's decision always counts alone.",
    source: "ours",
  }),
  soft_labels: flag(false, {
    doc: "Add soft_label: the share of the votes for the chosen answer, a tie being half a vote.",
    source: "",
  }),
  margin: choice("small", {
    choices: ["none", "small", "large"],
    doc: "Strength as margin: a third a degree, or one a degree.",
    source: "Llama 2 (arXiv 2307.09288), table 27",
  }),
  neutral: choice("positive", {
    choices: ["positive", "negative"],
    doc: "What a neutral step is.",
    source: "PRM800K's paper; TRL: negative",
  }),
  test_share: number(0, {
    min: 0,
    below: 1,
    doc: "Share of the prompts that goes to test.jsonl.",
    source: "none",
  }),
  seed: whole(42, { min: 0, doc: "Of the split.", source: "TRL" }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune export",
  about:
    "Writes what people judged as rows for training (TRL's columns), with a data card that says from whom, what was left out and how answers became rows; --to dump writes everything, to be imported again without loss. No prompt is in two splits.",
  positionals: ["PROJECT"],
  examples: [
    "attune export demo --to reward --soft-labels --output demo-pairs",
    "attune export demo --to dpo --test-share 0.1",
    "attune export demo --to kto --votes each",
    "attune export demo --to dump --output backup",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const named = needed(words[0], { help, what: "PROJECT" });
  const project = projectSource(named)?.project ?? named;
  const output = s.output ?? `${project}-${s.to}`;
  const { to } = s;
  if (to === "dump") {
    const file = await withStore(s, (store) => dumpFiles(store, { project, output }));
    io.out(
      s.json
        ? JSON.stringify({ output, files: [file] })
        : `${output}/${file.name}: ${counted(file.rows, "record")}\nback again: attune import ${output}/${file.name} --project NAME`,
    );
    return exitCodes.ok;
  }
  const exported = await withStore(s, (store) =>
    exportFiles(store, {
      project,
      as: kinds[to],
      output,
      ties: s.ties,
      votes: s.votes,
      softLabels: s.soft_labels,
      margin: s.margin,
      neutral: s.neutral,
      testShare: s.test_share,
      seed: s.seed,
    }),
  );
  io.out(s.json ? JSON.stringify({ output, ...exported }) : inWords(exported, output).join("\n"));
  return exitCodes.ok;
});

function inWords({ files, report }: Exported, output: string): string[] {
  return [
    ...files.map(({ name, rows }) => `${output}/${name}: ${counted(rows, "row")}`),
    `  from ${counted(report.judgements, "judgement")} of ${counted(report.annotators, "annotator")} on ${counted(report.items, "item")}, ${report.adjudicated} decided by a reviewer`,
    ...Object.entries(report.leftOut).map(([reason, n]) => `  left out: ${n} x ${reason}`),
    `  ${output}/README.md says how answers became rows`,
  ];
}
