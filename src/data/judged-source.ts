/**
 * From a path or id to things to judge and what was judged of them, in any known format: item by item, with account of every row
 * that gave none. Items are named by their content, so that the same file read twice gives the same items. Knows no store.
 */
import type { Item, Judgement } from "../records/index.js";
import { AttuneError } from "../errors.js";
import { sha256 } from "../util/files.js";
import { convertAll, type DatasetOptions, type RowPlan } from "./dataset.js";
import { detectFile, type Detected } from "./detect.js";
import { formats } from "./formats/table.js";
import type { Format, Judged, Row } from "./formats/format.js";
import { judgedRecord, pairOfRuns } from "./judged-record.js";
import { emptyReport, type DataReport } from "./quarantine.js";
import { resolveSource } from "./read-rows.js";

export interface JudgedOptions extends DatasetOptions {
  /** Changes a row before it is read, e.g. to join scores that another file holds. */
  complete?: (row: Row) => Row;
}

export interface JudgedSource {
  files: readonly Detected[];
  conversions: readonly string[];
  /** Read anew at each call; `report` starts again with it. */
  rows: () => AsyncGenerator<Judged>;
  report: DataReport;
}

/** Throws `data` when a file is in no known format, or in one that holds nothing to judge. */
export async function openJudged(source: string, options: JudgedOptions = {}): Promise<JudgedSource> {
  const files: Detected[] = [];
  const plans: RowPlan<Judged>[] = [];
  const conversions = new Set<string>();
  let runs = false;
  for (const file of await resolveSource(source, options)) {
    const found = await detectFile(file, { format: options.format });
    const { title, kind, conversion } = found;
    const format: Format | undefined = found.format && formats[found.format];
    const { judge, convert } = format ?? {};
    files.push(found);
    if (judge === undefined && (kind === undefined || kind === "prompt")) {
      throw new AttuneError("data", {
        where: file,
        expected: "answers to judge, in a known format",
        got: kind === "prompt" ? "prompts without answers" : title,
        fix:
          kind === "prompt"
            ? `attune pairs ${file} --model A --model B makes answers to compare`
            : conversion,
      });
    }
    conversions.add(judge === undefined ? "each row is an item; its own label is a judgement" : conversion);
    if (kind === "trajectory") {
      runs = true;
      conversions.add("runs at the same task are paired");
    }
    plans.push({
      file,
      read: (raw, place) => {
        const row = options.complete?.(raw) ?? raw;
        return judge === undefined
          ? (convert?.(row, place) ?? []).map((record) => judgedRecord(kind!, record))
          : [judge(row, place)];
      },
    });
  }
  const opened: JudgedSource = {
    files,
    conversions: [...conversions],
    report: emptyReport(),
    rows: async function* () {
      opened.report = emptyReport();
      const rows = convertAll(plans, { source, report: opened.report, options });
      const named = namer();
      for await (const row of runs ? pairRuns(rows) : rows) yield named(row);
    },
  };
  return opened;
}

/** Two by two, as they come; a task with one run left over is an item with one answer. */
async function* pairRuns(rows: AsyncIterable<Judged>): AsyncGenerator<Judged> {
  const waiting = new Map<string, Judged>();
  for await (const row of rows) {
    const task = row.item?.group;
    const other = task === undefined ? undefined : waiting.get(task);
    if (task === undefined) yield row;
    else if (other === undefined) waiting.set(task, row);
    else {
      waiting.delete(task);
      yield pairOfRuns(other, row);
    }
  }
  yield* waiting.values();
}

const fromLine = /:\d+(#|$)/;

/**
 * Ids that readers made of a file's lines become ids of content; those that the data brings stay. Rows of the same content are one
 * item that several people judged, unless one of them would judge it twice: then the row is an item of its own.
 */
function namer(): (row: Judged) => Judged {
  const judges = new Map<string, Set<string>>();
  function itemId(item: Item, people: readonly string[]): string {
    const id = contentId(item);
    for (let n = 1; ; n += 1) {
      const own = n === 1 ? id : `${id}-${n}`;
      const known = judges.get(own) ?? new Set();
      if (people.some((person) => known.has(person))) continue;
      for (const person of people) known.add(person);
      judges.set(own, known);
      return own;
    }
  }
  return ({ item, judgements, decision, project }) => {
    const people = judgements.map(({ annotator }) => `${annotator.kind} ${annotator.id}`);
    const id = item !== undefined && fromLine.test(item.id) ? itemId(item, people) : item?.id;
    return {
      ...(project && { project }),
      ...(item && { item: { ...item, id: id! } }),
      judgements: judgements.map((each): Judgement => {
        const named = { ...each, item: id ?? each.item };
        if (!fromLine.test(each.id)) return named;
        const { id: _, ...content } = named;
        return { ...named, id: `j-${sha256(JSON.stringify(content)).slice(0, 20)}` };
      }),
      ...(decision && { decision: { ...decision, item: id ?? decision.item } }),
    };
  };
}

const contentId = ({ prompt, candidates }: Item): string =>
  `i-${sha256(JSON.stringify([prompt, candidates.map(({ id, messages }) => [id, messages])])).slice(0, 16)}`;
