/** From things to judge and what was judged of them into a project of a store. Twice is once. Knows no file format. */
import type { Decision, Judged } from "../../data/index.js";
import type { Item, Judgement, Outcome } from "../../records/index.js";
import { AttuneError } from "../../errors.js";
import { NewProject, ProjectSettings } from "../../server/api-schemas.js";
import {
  addGuideline,
  addItems,
  addJudgements,
  adjudicate,
  createProject,
  findProject,
  isDecided,
  recount,
  type ItemInput,
  type Store,
} from "../../store/index.js";

/** What becomes of judgements that the data brings: taken as they are, made the right answers of gold items, or left out. */
export type Labels = "judgements" | "gold" | "ignore";

export interface BroughtIn {
  project: string;
  /** Made by this import. */
  made: boolean;
  task: string;
  items: { added: number; present: number };
  judgements: { added: number; present: number };
  decisions: number;
  annotators: number;
  /** Judgements that fit no item of the project. */
  refused: { id: string; reason: string }[];
}

const piece = 500;

/** Reads all of `rows`; the project is made if need be, with a task that fits the first item. */
export async function bringIn(
  store: Store,
  rows: AsyncIterable<Judged>,
  { project, labels = "judgements", name = project }: { project: string; labels?: Labels; name?: string },
): Promise<BroughtIn> {
  const known = await findProject(store, project);
  const result: BroughtIn = {
    project,
    made: false,
    task: String(known?.settings["task"] ?? ""),
    items: { added: 0, present: 0 },
    judgements: { added: 0, present: 0 },
    decisions: 0,
    annotators: 0,
    refused: [],
  };
  const people = new Set<string>();
  const decisions: Decision[] = [];
  let exists = known !== undefined;
  let waiting: Judged[] = [];
  async function flush(): Promise<void> {
    const given = waiting;
    waiting = [];
    const items = new Map<string, ItemInput>();
    for (const row of given) if (row.item) items.set(row.item.id, itemOf(row, labels));
    const added = await addItems(store, { project, items: [...items.values()] });
    result.items.added += added.added;
    result.items.present += added.present;
    if (labels !== "judgements") return;
    const judgements = given.flatMap((row): Judgement[] => row.judgements);
    for (const { annotator } of judgements) people.add(annotator.id);
    const { refused, ...counts } = await addJudgements(store, { project, judgements });
    result.judgements.added += counts.added;
    result.judgements.present += counts.present;
    result.refused.push(...refused);
  }
  for await (const row of rows) {
    if (!exists && (row.project !== undefined || row.item !== undefined)) {
      const task = taskOf(row);
      const settings = row.project === undefined ? { task } : settingsOf(row.project.settings, name);
      await createProject(store, { id: project, name, settings });
      for (const markdown of row.project?.guidelines ?? []) await addGuideline(store, { project, markdown });
      Object.assign(result, { made: true, task: String(settings["task"] ?? task) });
      exists = true;
    }
    if (row.decision) decisions.push(row.decision);
    if (row.item || row.judgements.length > 0) waiting.push(row);
    if (waiting.length >= piece) await flush();
  }
  if (waiting.length > 0) await flush();
  if (labels === "judgements") {
    for (const { item, annotator, answer, reason } of decisions) {
      const given = { project, item, annotator, answer, ...(reason !== undefined && { reason }) };
      if (!(await isDecided(store, given)) && (await adjudicate(store, given))) result.decisions += 1;
    }
    // Also when all were there already: an import that was stopped before it came to this has added and not counted them.
    if (result.judgements.added + result.judgements.present > 0) await recount(store);
  }
  result.annotators = people.size;
  return result;
}

/**
 * A dump's settings, checked, for a server can do nothing with wrong ones. No file makes the server call a webhook, or the page fetch
 * images: that is the owner's to allow again.
 */
function settingsOf(given: Record<string, unknown>, where: string): Record<string, unknown> {
  const { webhook: _, images: __, ...settings } = given;
  const { error } = ProjectSettings.strip().safeParse(settings);
  if (error === undefined) return settings;
  const [issue] = error.issues;
  throw new AttuneError("data", {
    where: `${where}: settings.${issue!.path.join(".")}`,
    expected: "settings of a project",
    got: issue!.message,
    fix: "dump the project again: attune export PROJECT --to dump",
  });
}

/** An item as the store takes it; the first judgement of a person is the right answer where labels are gold. */
function itemOf({ item, judgements }: Judged, labels: Labels): ItemInput {
  const { project: _, gold, ...rest } = item as Item;
  const right =
    labels === "gold"
      ? judgements.find(({ annotator, outcome }) => annotator.kind !== "model" && outcome)?.outcome
      : (gold as Outcome | undefined);
  return { ...rest, ...(right !== undefined && { gold: right }) };
}

/** The page's task that fits an item, by its answers and by what was said of them. */
function taskOf({ item, judgements }: Judged): string {
  const outcome = judgements.find((each) => each.outcome !== undefined)?.outcome;
  const candidates = item?.candidates ?? [];
  if (outcome?.type === "step") return "steps";
  if (outcome?.type === "rewrite") return "rewrite";
  if (candidates.length > 2 || outcome?.type === "rank") return "rank";
  if (candidates.length === 2) {
    const runs = candidates.some(({ messages }) =>
      messages.some(({ role, tool_calls: calls }) => role === "tool" || (calls ?? []).length > 0),
    );
    return runs ? "trajectories" : "pair";
  }
  if (outcome?.type === "rate") return outcome.score === 0 || outcome.score === 1 ? "thumbs" : "rate";
  return "thumbs";
}

/** Whether a project may be called so. */
export const isProjectId = (id: string): boolean => NewProject.shape.id.safeParse(id).success;
