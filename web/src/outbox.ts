/**
 * What was judged and has not been acknowledged, and the draft of the item on the screen: kept in localStorage, so that neither a lost
 * connection nor a closed tab loses it. Sent in order, with the same key each time. Knows no screen.
 */
import { type Answer, ApiError, call, currentProject, setProject } from "./api.js";
import type { ResponseOf } from "../../src/server/api.js";

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
type Receipt = ResponseOf<"submit">;

const boxKey = "attune.outbox";
const refusedKey = "attune.refused";

function read<T>(key: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

export const waiting = (): Waiting[] => read<Waiting[]>(boxKey, []);
/** Judgements that the server refused for good; kept, never thrown away. */
export const refused = (): (Waiting & { reason: string })[] => read(refusedKey, []);

const write = (box: readonly Waiting[]): void => localStorage.setItem(boxKey, JSON.stringify(box));

let sending: Promise<Receipt | null> | null = null;

/** Kept first, then sent. Resolves with the receipt of the last one sent, null while the server cannot be reached. */
export function send(entry: Waiting): Promise<Receipt | null> {
  write([...waiting(), entry]);
  return flush();
}

export function flush(): Promise<Receipt | null> {
  sending ??= sendAll().finally(() => void (sending = null));
  return sending;
}

async function sendAll(): Promise<Receipt | null> {
  let last: Receipt | null = null;
  for (let entry = waiting()[0]; entry !== undefined; entry = waiting()[0]) {
    const now = currentProject();
    try {
      const { key, lease, revises, answer, active_ms, layout, project } = entry;
      setProject(project);
      const body = { key, answer, active_ms, layout };
      last =
        revises === null
          ? await call("submit", { body: { ...body, lease } })
          : await call("revise", { path: { judgement: revises }, body });
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      // Not there, busy, or broken for a moment: it stays in the box. Everything else will be refused again.
      if (status === 0 || status === 401 || status === 429 || status >= 500) return null;
      localStorage.setItem(
        refusedKey,
        JSON.stringify([...refused(), { ...entry, reason: (error as Error).message }]),
      );
    } finally {
      setProject(now);
    }
    write(waiting().filter(({ key }) => key !== entry!.key));
  }
  return last;
}

const draftKey = (item: string): string => `attune.draft.${currentProject()}.${item}`;
export const saveDraft = (item: string, answer: Answer): void =>
  localStorage.setItem(draftKey(item), JSON.stringify(answer));
export const loadDraft = (item: string): Answer | null => read<Answer | null>(draftKey(item), null);
export const dropDraft = (item: string): void => localStorage.removeItem(draftKey(item));
