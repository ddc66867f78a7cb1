/** `attune:PROJECT` as a source of training: the project's rows, written once into a file named by its content. Knows no method. */
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type RecordKind, writeJsonLines } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import {
  type ExportKind,
  type ExportOptions,
  type ExportReport,
  openExport,
} from "../../store/export/index.js";
import { ensureFolder, sha256File, temporarySibling } from "../../util/files.js";
import { counted } from "../show.js";
import { projectSource, withStore } from "../open-store.js";

/** What a record's kind is called in an export. */
const kinds: Readonly<Record<RecordKind, ExportKind>> = {
  preference: "preference",
  unpaired: "unpaired",
  stepwise: "stepwise",
  demonstration: "demonstration",
  prompt: "prompt",
  trajectory: "demonstration",
};

const choices = {
  votes: ["majority", "each"],
  margin: ["none", "small", "large"],
  neutral: ["positive", "negative"],
} as const;

function optionsOf(query: ReadonlyMap<string, string>, where: string): Partial<ExportOptions> {
  for (const [name, value] of query) {
    const allowed: readonly string[] | undefined = choices[name as keyof typeof choices];
    if (allowed?.includes(value)) continue;
    throw new AttuneError("usage", {
      where,
      expected:
        allowed === undefined
          ? `options ${Object.keys(choices).join(", ")}`
          : `${name} to be one of ${allowed.join(", ")}`,
      got: allowed === undefined ? name : value,
      fix: `${where.split("?")[0]}?votes=each`,
    });
  }
  return Object.fromEntries(query) as Partial<ExportOptions>;
}

export interface Snapshot {
  file: string;
  sha256: string;
  report: ExportReport;
}

/**
 * The rows behind `attune:PROJECT?votes=each`, in a file of `folder`; undefined where the source is none such. The same judgements
 * give the same file. Throws `data` when nothing was judged yet.
 */
export async function snapshotOf(
  source: string,
  { kind, folder, store }: { kind: RecordKind; folder: string; store: string | undefined },
): Promise<Snapshot | undefined> {
  const named = projectSource(source);
  if (named === undefined) return undefined;
  const options = { project: named.project, as: kinds[kind], ...optionsOf(named.query, source) };
  await ensureFolder(folder);
  const partial = temporarySibling(join(folder, `${named.project}.jsonl`));
  try {
    const report = await withStore({ store }, async (opened) => {
      const found = await openExport(opened, options);
      await writeJsonLines(partial, found.rows());
      return found.report;
    });
    if (report.rows === 0) {
      const reasons = Object.entries(report.leftOut).map(([reason, n]) => `${n} x ${reason}`);
      throw new AttuneError("data", {
        where: source,
        expected: `rows of type ${options.as}`,
        got: `none of ${counted(report.items, "item")}${reasons.length > 0 ? `: ${reasons.join(", ")}` : ""}`,
        fix: `attune export ${named.project} --to ... shows what other data types it can give`,
      });
    }
    const sha256 = await sha256File(partial);
    const file = join(folder, `${named.project}-${options.as}-${sha256.slice(0, 12)}.jsonl`);
    if (!existsSync(file)) await rename(partial, file);
    return { file, sha256, report };
  } finally {
    await rm(partial, { force: true });
  }
}

/** A line for whoever waits. */
export const snapshotLine = (source: string, { file, report }: Snapshot): string =>
  `${source}: ${counted(report.rows, "row")} from ${counted(report.judgements, "judgement")} of ${counted(report.annotators, "annotator")} -> ${file}${Object.entries(
    report.leftOut,
  )
    .map(([reason, n]) => `\n  left out: ${n} x ${reason}`)
    .join("")}\n`;

/**
 * The settings of a run with the sources that name a project replaced by files of its rows, under `data/` of the run's folder. What
 * becomes of the rows is told to `tell`.
 */
export async function withSnapshots(
  settings: Readonly<Record<string, unknown>>,
  { kind, store, tell }: { kind: RecordKind; store: string | undefined; tell: (text: string) => void },
): Promise<Record<string, unknown>> {
  const resolved: Record<string, unknown> = { ...settings };
  for (const name of ["data", "eval_data"]) {
    const source = settings[name];
    if (typeof source !== "string") continue;
    const { output } = settings;
    const folder = join(typeof output === "string" ? output : "runs", "data");
    const snapshot = await snapshotOf(source, { kind, folder, store });
    if (snapshot === undefined) continue;
    tell(snapshotLine(source, snapshot));
    resolved[name] = snapshot.file;
  }
  return resolved;
}
