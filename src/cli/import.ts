/** `attune import`: files of answers and judgements, in any known format, into a project of the store. Trains nothing. */
import { basename } from "node:path";
import { type FormatName, formatNames, openJudged, readRows } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { choice, flag, optionalChoice, optionalText, optionalWhole } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun } from "./define-run.js";
import { storeSettings, withStore } from "./open-store.js";
import { counted } from "./show.js";
import { bringIn, type BroughtIn, isProjectId } from "./store/bring-in.js";

const settings = {
  project: optionalText({
    doc: "Project to fill; made if it is not there. Small letters, digits, hyphens.",
    source: "required",
  }),
  ...storeSettings,
  labels: choice("judgements", {
    choices: ["judgements", "gold", "ignore"],
    doc: "What the file says was chosen: judgements of those who said it (of `file-label` where it does not say who), right answers of gold items, or nothing.",
    source: "ours",
  }),
  format: optionalChoice({
    choices: formatNames as [FormatName, ...FormatName[]],
    doc: "Format of the file.",
    source: "found from its rows",
  }),
  scores: optionalText({ doc: "Langfuse: file of scores, joined to the traces by traceId.", source: "none" }),
  max_rows: optionalWhole({ min: 1, doc: "Take at most so many rows.", source: "all" }),
  quarantine: optionalText({
    doc: "File for rows that could not be used, each with file, line and reason.",
    source: "quarantine-PROJECT.jsonl",
  }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune import",
  about:
    "Brings answers to judge into a project, and the judgements that the file holds with those who made them: Attune's own dumps, JSON Lines, CSV and Parquet with a prompt and two answers, TRL pairs, Argilla 1 and 2, Label Studio, Langfuse, LangSmith, Chatbot Arena, HH-RLHF, PandaLM, HelpSteer3 and others (attune inspect FILE says which a file is). Items are named by their content, so that a second import adds nothing.",
  positionals: ["FILE"],
  examples: [
    "attune import pairs.jsonl --project demo",
    "attune import argilla.jsonl --project support --labels judgements",
    "attune import traces.jsonl --scores scores.jsonl --project bot",
    "attune import exported/dump.jsonl --project copy --store other-store",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const [source] = words;
  const { project } = s;
  if (source === undefined || project === undefined || !isProjectId(project)) {
    throw new AttuneError("usage", {
      where: help.name,
      expected: source === undefined ? "FILE" : "--project NAME of small letters, digits and hyphens",
      got: source === undefined ? "nothing" : (project ?? "nothing"),
      fix: help.examples[0]!,
    });
  }
  const quarantine = s.quarantine ?? `quarantine-${project}.jsonl`;
  const scores = s.scores === undefined ? undefined : await readScores(s.scores);
  const opened = await openJudged(source, {
    quarantine,
    maxBadShare: 1,
    ...(s.format && { format: s.format }),
    ...(s.max_rows !== undefined && { limit: s.max_rows }),
    ...(scores && { complete: (row) => ({ ...row, scores: scores.get(String(row["id"])) ?? [] }) }),
  });
  const brought = await withStore(
    s,
    (store) => bringIn(store, opened.rows(), { project, labels: s.labels, name: basename(source) }),
    { make: true },
  );
  const { report, files, conversions } = opened;
  const unused = report.bad + report.setAside;
  if (s.json)
    io.out(JSON.stringify({ ...brought, files, conversions, report, ...(unused > 0 && { quarantine }) }));
  else {
    io.out(
      [
        ...files.map(({ file, title }) => `${file}: ${title}`),
        ...conversions.map((each) => `  ${each}`),
        ...inWords(brought),
        ...Object.entries({ ...report.reasons, ...report.setAsideReasons }).map(
          ([reason, n]) => `  not used: ${n} x ${reason}`,
        ),
        ...(report.examples[0]
          ? [`  first: ${report.examples[0].file}:${report.examples[0].line}: ${report.examples[0].reason}`]
          : []),
        ...(unused > 0 ? [`  all of them, unaltered: ${quarantine}`] : []),
        ...next(brought),
      ].join("\n"),
    );
  }
  return exitCodes.ok;
});

function inWords(r: BroughtIn): string[] {
  const known = (n: number): string => (n === 0 ? "" : `, ${n} known already`);
  return [
    `project ${r.project}${r.made ? `, new (task ${r.task})` : ""}: ${counted(r.items.added, "item")} added${known(r.items.present)}`,
    ...(r.annotators > 0
      ? [
          `  ${counted(r.judgements.added, "judgement")} of ${counted(r.annotators, "annotator")} added${known(r.judgements.present)}`,
        ]
      : []),
    ...(r.decisions > 0 ? [`  ${counted(r.decisions, "decision")} of reviewers added`] : []),
    ...(r.refused.length > 0
      ? [
          `  refused: ${counted(r.refused.length, "judgement")}, the first (${r.refused[0]!.id}): ${r.refused[0]!.reason}`,
        ]
      : []),
  ];
}

const next = ({ project, annotators }: BroughtIn): string[] =>
  annotators > 1
    ? [
        "",
        `next: attune agreement attune:${project}    attune train reward --model MODEL --data attune:${project}`,
      ]
    : [];

/** Scores by the trace that they are of. Throws `data` where a row is none. */
async function readScores(file: string): Promise<Map<string, unknown[]>> {
  const byTrace = new Map<string, unknown[]>();
  for await (const { row, line } of readRows(file)) {
    const trace = (row as Record<string, unknown> | null)?.["traceId"];
    if (typeof trace !== "string")
      throw new AttuneError("data", {
        where: `${file}:${line}`,
        expected: "a score with a traceId",
        got: "none",
        fix: "export the scores from Langfuse (API: /api/public/scores)",
      });
    byTrace.set(trace, [...(byTrace.get(trace) ?? []), row]);
  }
  return byTrace;
}
