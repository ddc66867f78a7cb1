/** `attune:PROJECT` as a source, and a store opened for as long as it is needed. Knows no query. */
import type { Store } from "../../store/index.js";
import { openStoreAt, placeOfStore } from "../open-store.js";

/** Opens the store that was named, works, and closes whatever happens. A folder that is not there is an error unless it is made. */
export async function withStore<T>(
  named: { store?: string | undefined },
  work: (store: Store) => Promise<T>,
  { make = false }: { make?: boolean } = {},
): Promise<T> {
  const store = await openStoreAt(placeOfStore(named), { existing: !make });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export interface ProjectSource {
  project: string;
  /** What stands behind a question mark: `attune:demo?votes=each`. */
  query: ReadonlyMap<string, string>;
}

/** The project that `attune:PROJECT` names; undefined for a file. */
export function projectSource(source: string): ProjectSource | undefined {
  const [, project, query = ""] = /^attune:([^?]+)(?:\?(.*))?$/.exec(source) ?? [];
  if (project === undefined) return undefined;
  return { project, query: new Map(new URLSearchParams(query)) };
}
