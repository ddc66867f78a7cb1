/** `attune annotate`: from a file of answers to a page where people judge them, in one command. Trains nothing. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { openJudged } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { Task } from "../server/index.js";
import {
  addGuideline,
  changeProject,
  findProject,
  listGuidelines,
  progressOf,
  type Store,
} from "../store/index.js";
import { choice, optionalChoice, optionalText, optionalWhole } from "../train/job/setting.js";
import type { CommandHelp } from "./command.js";
import { defineRun, needed } from "./define-run.js";
import { openStoreAt, placeOfStore, storeSettings } from "./open-store.js";
import { serveUntilStopped, servingSettings } from "./serving.js";
import { counted } from "./show.js";
import { bringIn, isProjectId, type BroughtIn } from "./store/bring-in.js";

const judging = {
  project: optionalText({
    doc: "Project to put the items in, made if it is not there. Small letters, digits, hyphens.",
    source: "the file's name",
  }),
  overlap: optionalWhole({
    min: 1,
    max: 100,
    doc: "Judgements wanted for each item, by different people. Agreement can be told from 2 on.",
    source: "1, or what the project has",
  }),
  task: optionalChoice({
    choices: Task.options as [Task, ...Task[]],
    doc: "What is asked: which of two is better, a ranking, scores, thumbs, a better text, a label for each step, or which of two runs of an agent.",
    source: "what fits the first item",
  }),
  labels: choice("ignore", {
    choices: ["ignore", "gold", "judgements"],
    doc: "What the file itself says was chosen: left out, so that people judge unbiased; right answers of gold items; or judgements of those who said it.",
    source: "ours",
  }),
  guideline: optionalText({
    doc: "Markdown file that tells people how to judge; a changed one becomes a new version.",
    source: "none",
  }),
};
const settings = { ...judging, ...storeSettings, ...servingSettings };

const help: CommandHelp = {
  name: "attune annotate",
  about:
    "Opens a page where you judge the answers of FILE: pairs, rankings, single answers, steps, or runs of agents, in any format that attune inspect knows. What people say is kept in a store beside you (the folder attune-store), and nothing is sent anywhere. Prints one address that opens the page as the owner, who invites others by links, sees their agreement, decides where they differ, and exports; attune train dpo --data attune:PROJECT trains on it. Started again with the same file it adds nothing twice and goes on.",
  positionals: ["FILE"],
  examples: [
    "attune annotate pairs.jsonl",
    "attune annotate pairs.jsonl --overlap 2 --guideline how-to-judge.md --open",
    "attune annotate trajectories.jsonl --project bot --port 8080",
    "DATABASE_URL=postgres://attune@db/attune attune annotate pairs.jsonl --host 0.0.0.0 --public-url https://judge.example.org",
  ],
  sections: { Judging: judging, "Store and server": { ...storeSettings, ...servingSettings } },
};

export const run = defineRun({ help, settings }, async ({ values, words, io }) => {
  const file = needed(words[0], { help, what: "FILE" });
  const project = values.project ?? projectOfFile(file);
  if (!isProjectId(project)) {
    throw new AttuneError("usage", {
      where: `${help.name}: --project`,
      expected: "small letters, digits and hyphens, at most 63",
      got: project,
      fix: "attune annotate FILE --project my-pairs",
    });
  }
  const guideline = values.guideline === undefined ? undefined : readGuideline(values.guideline);
  const opened = await openJudged(file, { maxBadShare: 1 });
  const place = placeOfStore(values);
  const store = await openStoreAt(place);
  try {
    const brought = await bringIn(store, opened.rows(), {
      project,
      labels: values.labels,
      name: basename(file),
    });
    await requireItems(store, {
      project,
      file,
      reasons: { ...opened.report.reasons, ...opened.report.setAsideReasons },
    });
    const change = {
      ...(values.overlap !== undefined && { overlap: values.overlap }),
      ...(values.task !== undefined && { task: values.task }),
    };
    if (Object.keys(change).length > 0) await changeProject(store, { id: project, settings: change });
    if (guideline !== undefined) await renewGuideline(store, { project, markdown: guideline });
    for (const line of inWords(brought, opened)) io.out(line);
  } catch (cause) {
    await store.close();
    throw cause;
  }
  return serveUntilStopped(store, {
    values,
    io,
    place,
    shown: (url) =>
      io.out(
        `\n  ${url}\n\nThis address makes its holder the owner. Answers are kept in ${place.title}. Ctrl-C stops.`,
      ),
  });
});

/** `My pairs (2).jsonl.gz` is the project `my-pairs-2`. */
function projectOfFile(file: string): string {
  const name = basename(file)
    .replace(/(\.(jsonl?|ndjson|csv|tsv|parquet|txt|gz|zst))+$/i, "")
    .toLowerCase();
  return (
    name
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 63) || "project"
  );
}

function readGuideline(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AttuneError("io", {
      where: path,
      expected: "a Markdown file",
      got: (cause as NodeJS.ErrnoException).code ?? String(cause),
      fix: "check --guideline",
      cause,
    });
  }
}

async function renewGuideline(
  store: Store,
  { project, markdown }: { project: string; markdown: string },
): Promise<void> {
  const [newest] = await listGuidelines(store, project);
  if (newest?.markdown !== markdown) await addGuideline(store, { project, markdown });
}

/** A page without anything to judge would be a puzzle: the rows' own reasons are not. */
async function requireItems(
  store: Store,
  { project, file, reasons }: { project: string; file: string; reasons: Record<string, number> },
): Promise<void> {
  const row = await findProject(store, project);
  const { items } = row === undefined ? { items: 0 } : await progressOf(store, { project, overlap: 1 });
  if (items > 0) return;
  const [reason] = Object.entries(reasons).toSorted(([, a], [, b]) => b - a);
  throw new AttuneError("data", {
    where: file,
    expected: "answers to judge",
    got: reason === undefined ? "none" : `${reason[1]} x ${reason[0]}`,
    fix: `attune inspect ${file}`,
  });
}

function inWords(
  { project, made, task, items }: BroughtIn,
  { files, report }: Pick<Awaited<ReturnType<typeof openJudged>>, "files" | "report">,
): string[] {
  const unused = Object.entries({ ...report.reasons, ...report.setAsideReasons });
  return [
    ...files.map(({ file, title }) => `${file}: ${title}`),
    `project ${project}${made ? `, new (task ${task})` : ""}: ${counted(items.added, "item")} added${items.present === 0 ? "" : `, ${items.present} known already`}`,
    ...unused.slice(0, 5).map(([reason, n]) => `  not used: ${n} x ${reason}`),
    ...(unused.length > 5 ? [`  and for ${unused.length - 5} other reasons: attune inspect says more`] : []),
  ];
}
