/** An export as files: rows split by prompt, a data card beside them; or a whole dump. The folder is whole or not there. */
import { join } from "node:path";
import { promptKey, splitOfPrompt, writeJsonLines } from "../../data/index.js";
import type { Text } from "../../records/index.js";
import { listGuidelines, type Store } from "../../store/index.js";
import {
  type CardFile,
  dataCard,
  dumpProject,
  type ExportOptions,
  type ExportReport,
  openExport,
} from "../../store/export/index.js";
import {
  type AtomicFile,
  openAtomic,
  sha256File,
  writeFileAtomic,
  writeFolderAtomic,
} from "../../util/files.js";

export interface Exported {
  files: CardFile[];
  report: ExportReport;
}

/** Writes `train.jsonl` (and `test.jsonl`) and README.md. Throws `data` where there is no such project, `io`. */
export async function exportFiles(
  store: Store,
  {
    output,
    testShare,
    seed,
    ...options
  }: ExportOptions & { output: string; testShare: number; seed: number },
): Promise<Exported> {
  const { rows, report } = await openExport(store, options);
  const [guideline] = await listGuidelines(store, options.project);
  const files: CardFile[] = [];
  await writeFolderAtomic(output, async (folder) => {
    const names = testShare > 0 ? ["train", "test"] : ["train"];
    const open = new Map<string, { file: AtomicFile; rows: number }>();
    try {
      for (const name of names)
        open.set(name, { file: await openAtomic(join(folder, `${name}.jsonl`)), rows: 0 });
      for await (const row of rows()) {
        const key = promptKey({ id: "row", prompt: row["prompt"] as Text });
        const shares = { train: 1 - testShare, test: testShare };
        const split = open.get(splitOfPrompt(key, { shares, seed }))!;
        split.rows += 1;
        await split.file.write(`${JSON.stringify(row)}\n`);
      }
      for (const { file } of open.values()) await file.commit();
    } finally {
      for (const { file } of open.values()) await file.abort();
    }
    for (const [name, { rows: count }] of open)
      files.push({
        name: `${name}.jsonl`,
        rows: count,
        sha256: await sha256File(join(folder, `${name}.jsonl`)),
      });
    const card = dataCard({ ...options, guideline: guideline?.markdown }, { report, files });
    await writeFileAtomic(join(folder, "README.md"), card);
  });
  return { files, report };
}

/** Everything of the project in `dump.jsonl`, to be imported again. */
export async function dumpFiles(
  store: Store,
  { project, output }: { project: string; output: string },
): Promise<CardFile> {
  const name = "dump.jsonl";
  let rows = 0;
  let sha256 = "";
  await writeFolderAtomic(output, async (folder) => {
    rows = await writeJsonLines(join(folder, name), dumpProject(store, project));
    sha256 = await sha256File(join(folder, name));
  });
  return { name, rows, sha256 };
}
