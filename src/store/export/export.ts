/** From the store to rows for training, streaming, with account of every item that gave none. Knows no file. */
import { sql } from "drizzle-orm";
import { AttuneError } from "../../errors.js";
import { activeDraws } from "../active-draws.js";
import type { Store } from "../context.js";
import { findProject, listProjects } from "../projects.js";
import { itemsAfter } from "../reading.js";
import { convertItem, type ExportRow } from "./convert.js";
import type { ExportOptions, ExportReport } from "./options.js";

export interface Export {
  /** The rows, once. */
  rows: () => AsyncGenerator<ExportRow>;
  /** Complete when `rows` has ended. */
  report: ExportReport;
}

const piece = 500;

/** Throws `data` when the store has no such project; names those it has. */
export async function requireProject(store: Store, project: string): Promise<void> {
  if ((await findProject(store, project)) !== undefined) return;
  const names = (await listProjects(store)).map(({ id }) => id);
  throw new AttuneError("data", {
    where: "project",
    expected: names.length === 0 ? "a store with projects" : names.join(", "),
    got: names.length === 0 ? "an empty one" : project,
    fix: names.length === 0 ? "attune import FILE --project NAME" : "check the name",
  });
}

/** The project's task items as rows of one of TRL's data types. Gold and practice items are no data. Throws `data`. */
export async function openExport(store: Store, options: ExportOptions): Promise<Export> {
  const { project, as } = options;
  await requireProject(store, project);
  const [found] = await store.database.rows<{ strengths: boolean; annotators: number }>(sql`
    select exists (select from judgements where project = ${project} and answer ->> 'strength' is not null) as strengths,
      (select count(distinct annotator)::int from currents where project = ${project}) as annotators`);
  const report: ExportReport = {
    items: 0,
    rows: 0,
    judgements: 0,
    annotators: found!.annotators,
    leftOut: {},
    adjudicated: 0,
  };
  const settings = {
    ties: options.ties ?? "drop",
    votes: options.votes ?? "majority",
    softLabels: options.softLabels ?? false,
    margin: options.margin ?? "small",
    neutral: options.neutral ?? "positive",
    strengths: found!.strengths,
  } as const;
  async function* rows(): AsyncGenerator<ExportRow> {
    const draws = await activeDraws(store, project);
    const weights = new Map(draws?.map(({ item, weight }) => [item, weight]));
    let after = "0";
    for (;;) {
      const items = await itemsAfter(store, { project, after, limit: piece });
      for (const found of items) {
        const weight = weights.get(found.id);
        const item = { ...found, ...(weight !== undefined && { weight }) };
        if (item.role !== "task") continue;
        report.items += 1;
        report.judgements += item.answers.length;
        if (item.adjudicated !== null) report.adjudicated += 1;
        const converted = convertItem(item, as, settings);
        for (const reason of converted.leftOut) report.leftOut[reason] = (report.leftOut[reason] ?? 0) + 1;
        report.rows += converted.rows.length;
        yield* converted.rows;
      }
      if (items.length < piece) return;
      after = items.at(-1)!.seq;
    }
  }
  return { rows, report };
}
