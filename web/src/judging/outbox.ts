/**
 * What was judged and has not been acknowledged, and the draft of the item on the screen: kept in localStorage, so that neither a lost
 * connection nor a closed tab loses it. Sent in order, with the same key each time. Knows no screen.
 */
import { type Answer, ApiError, call, currentProject } from "../api.js";
import type { ResponseOf } from "../../../src/server/api.js";

export interface Waiting {
  project: string;
  key: string;
  lease: string;
  /** A revision of this judgement; null for a new one. */
  revises: string | null;
  answer: Answer;
  active_ms: number;
  layout: "side-by-side" | "stacked";
}
/** One for each submit, the same on every try; `randomUUID` is missing where the page came over plain HTTP. */
export const newKey = (): string =>
  crypto.randomUUID?.() ??
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join("");

type Receipt = ResponseOf<"submit">;

const boxKey = "attune.outbox";
const refusedKey = "attune.refused";

function read<T>(key: string, otherwise: T): T {
  if (unsaved.has(key)) return unsaved.get(key) as T;
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** What did not fit into localStorage (a few megabytes, or none where the browser forbids it): kept while the page is open. */
const unsaved = new Map<string, unknown>();

function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    unsaved.delete(key);
  } catch {
    unsaved.set(key, value);
  }
}

export const waiting = (): Waiting[] => read<Waiting[]>(boxKey, []);
/** Judgements that the server refused for good; kept until somebody has saved or discarded them. */
export const refused = (): (Waiting & { reason: string })[] => read(refusedKey, []);
export const discardRefused = (): void => write(refusedKey, []);

let sending: Promise<void> | null = null;

/** What became of a judgement: acknowledged, kept until the server can be reached, or refused for good. */
export type Sent = { receipt: Receipt } | { kept: true } | { refused: string };

/** Kept first, then sent. */
export async function send(entry: Waiting): Promise<Sent> {
  write(boxKey, [...waiting(), entry]);
  const lies = (): boolean => waiting().some(({ key }) => key === entry.key);
  await flush();
  // A sending that was just ending did not see it.
  if (lies()) await flush();
  if (lies()) return { kept: true };
  const receipt = receipts.get(entry.key);
  receipts.delete(entry.key);
  return receipt
    ? { receipt }
    : { refused: refused().find(({ key }) => key === entry.key)?.reason ?? "The server refused it." };
}
const receipts = new Map<string, Receipt>();

export function flush(): Promise<void> {
  sending ??= sendAll().finally(() => void (sending = null));
  return sending;
}

async function sendAll(): Promise<void> {
  for (let entry = waiting()[0]; entry !== undefined; entry = waiting()[0]) {
    try {
      const { key, lease, revises, answer, active_ms, layout, project } = entry;
      const body = { key, answer, active_ms, layout };
      receipts.set(
        key,
        revises === null
          ? await call("submit", { path: { project }, body: { ...body, lease } })
          : await call("revise", { path: { project, judgement: revises }, body }),
      );
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      // Not there, busy, or broken for a moment: it stays in the box. Everything else will be refused again.
      if (status === 0 || status === 401 || status === 429 || status >= 500) return;
      write(refusedKey, [...refused(), { ...entry, reason: (error as Error).message }]);
    }
    write(
      boxKey,
      waiting().filter(({ key }) => key !== entry!.key),
    );
  }
}

const draftPrefix = "attune.draft.";
const draftKey = (item: string): string => `${draftPrefix}${currentProject()}.${item}`;
export const saveDraft = (item: string, answer: Answer): void => write(draftKey(item), answer);
export const loadDraft = (item: string): Answer | null => read<Answer | null>(draftKey(item), null);
export function dropDraft(item: string): void {
  unsaved.delete(draftKey(item));
  localStorage.removeItem(draftKey(item));
}

/** Every draft on this device, of all projects. */
export function drafts(): { name: string; project: string; answer: Answer }[] {
  let names: string[] = [];
  try {
    names = Object.keys(localStorage).filter((name) => name.startsWith(draftPrefix));
  } catch {
    // No storage: no drafts that outlive the page.
  }
  return names.map((name) => {
    const project = name.slice(draftPrefix.length).split(".")[0]!;
    return { name, project, answer: read<Answer>(name, {}) };
  });
}
