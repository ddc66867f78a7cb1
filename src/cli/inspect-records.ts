/** A data set's records without any tokenizer: lengths in characters, duplicates, the first rows. */
import {
  type AnyRecord,
  createDuplicateCounter,
  type DataReport,
  type DatasetOptions,
  type DuplicateReport,
  type LengthSummary,
  openDataset,
  summariseLengths,
} from "../data/index.js";
import type { Text } from "../records/index.js";

export interface FoundRecords {
  kind: string;
  conversions: readonly string[];
  rows: DataReport;
  duplicates: DuplicateReport;
  /** Characters by part of the record. */
  characters: Record<string, LengthSummary>;
  /** Mean characters of the chosen answer less those of the rejected one; a hint at length bias. */
  chosenLonger: number | undefined;
  sample: AnyRecord[];
}

export async function readWithoutModel(
  source: string,
  { limit, rows, ...open }: Pick<DatasetOptions, "split" | "subset" | "format" | "limit"> & { rows: number },
): Promise<FoundRecords> {
  const dataset = await openDataset(source, {
    ...open,
    ...(limit !== undefined && { limit }),
    maxBadShare: 1,
  });
  const duplicates = createDuplicateCounter();
  const lengths = new Map<string, number[]>();
  const sample: AnyRecord[] = [];
  const put = (part: string, length: number): void => {
    const list = lengths.get(part);
    if (list) list.push(length);
    else lengths.set(part, [length]);
  };
  let pairs = 0;
  let longer = 0;
  for await (const record of dataset.records()) {
    duplicates.add(record);
    if (sample.length < rows) sample.push(record);
    for (const [part, length] of partsOf(record)) put(part, length);
    if ("chosen" in record && characters(record.chosen) !== characters(record.rejected)) {
      pairs++;
      if (characters(record.chosen) > characters(record.rejected)) longer++;
    }
  }
  return {
    kind: dataset.kind,
    conversions: dataset.conversions,
    rows: dataset.report,
    duplicates: duplicates.report,
    characters: Object.fromEntries([...lengths].map(([part, list]) => [part, summariseLengths(list)])),
    chosenLonger: pairs > 0 ? longer / pairs : undefined,
    sample,
  };
}

const characters = (text: Text): number =>
  typeof text === "string" ? text.length : text.reduce((n, { content }) => n + (content ?? "").length, 0);

function partsOf(record: AnyRecord): [string, number][] {
  const parts: [string, number][] = [];
  for (const name of ["prompt", "chosen", "rejected", "completion", "messages", "text"] as const) {
    const value = (record as Partial<Record<typeof name, Text>>)[name];
    if (value !== undefined) parts.push([name, characters(value)]);
  }
  return parts;
}
