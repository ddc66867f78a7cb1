/** The file of rows that were not used, each with its reason and unaltered. Knows nothing of formats. */
import { AttuneError } from "../errors.js";
import { openAtomic, type AtomicFile } from "../util/files.js";
import type { BadRow } from "./source-row.js";

/** What became of the rows. */
export interface DataReport {
  /** Rows met, good or bad. */
  rows: number;
  /** Records made of them; one row may give several. */
  records: number;
  /** Rows that could not be used, by reason (numbers in it left out, so that like goes with like). */
  bad: number;
  reasons: Record<string, number>;
  /** Rows that are in order but give no record (ties), by reason. */
  setAside: number;
  setAsideReasons: Record<string, number>;
  /** The first bad rows, for showing. */
  examples: BadRow[];
}

export const emptyReport = (): DataReport => ({
  rows: 0,
  records: 0,
  bad: 0,
  reasons: {},
  setAside: 0,
  setAsideReasons: {},
  examples: [],
});

export interface Quarantine {
  report: DataReport;
  add: (bad: BadRow, options?: { setAside?: boolean }) => void;
  /** Writes what has been added since. */
  flush: () => Promise<void>;
  /** The file appears, if any row was added. */
  close: () => Promise<void>;
}

/** Reasons that are told apart in a report. */
const namedReasons = 50;

/** Collects unused rows in `report`, and as JSON Lines in `path` where one is given. */
export function openQuarantine(path: string | undefined, report: DataReport = emptyReport()): Quarantine {
  let file: AtomicFile | undefined;
  let waiting: string[] = [];
  async function flush(): Promise<void> {
    if (path === undefined || waiting.length === 0) return;
    file ??= await openAtomic(path);
    const lines = waiting;
    waiting = [];
    await file.write(lines.join(""));
  }
  return {
    report,
    add(bad, { setAside = false } = {}) {
      const reasons = setAside ? report.setAsideReasons : report.reasons;
      const own = bad.reason.replace(/\d+/g, "#");
      // A reason may quote the row: a file of broken rows must not fill the memory with them.
      const reason = own in reasons || Object.keys(reasons).length < namedReasons ? own : "other reasons";
      reasons[reason] = (reasons[reason] ?? 0) + 1;
      report[setAside ? "setAside" : "bad"] += 1;
      if (!setAside && report.examples.length < 5) report.examples.push(bad);
      if (path !== undefined)
        waiting.push(`${JSON.stringify(setAside ? { ...bad, set_aside: true } : bad)}\n`);
    },
    flush,
    async close() {
      await flush();
      await file?.commit();
    },
  };
}

/** Throws `data` when no record came of the rows, or when too large a share of them is bad. */
export function checkReport(
  report: DataReport,
  { where, maxBadShare, quarantine }: { where: string; maxBadShare: number; quarantine?: string },
): void {
  const { rows, records, bad, setAside, examples } = report;
  if (records > 0 && bad <= maxBadShare * rows) return;
  const first = examples[0];
  const main = Object.entries({ ...report.reasons, ...report.setAsideReasons }).toSorted(
    (a, b) => b[1] - a[1],
  )[0];
  const why =
    first === undefined ? (main?.[0] ?? "no rows") : `first ${first.file}:${first.line}: ${first.reason}`;
  throw new AttuneError("data", {
    where,
    expected:
      records === 0 ? "at least one row to learn from" : `at most ${Math.round(maxBadShare * 100)}% bad rows`,
    got: `${bad} bad and ${setAside} set aside of ${rows} rows; ${why}`,
    fix: quarantine === undefined ? "mend the rows" : `mend the rows; all of them are in ${quarantine}`,
  });
}
