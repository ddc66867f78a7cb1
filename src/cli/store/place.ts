/** Where the judgements are: a folder with the embedded database, or a PostgreSQL server; and `attune:PROJECT` as a source. Knows no query. */
import { existsSync } from "node:fs";
import { AttuneError } from "../../errors.js";
import { openStore, type Store } from "../../store/index.js";
import { optionalText } from "../../train/job/setting.js";

export const storeFolder = "attune-store";

export const storeSettings = {
  store: optionalText({
    doc: "Folder of the store. Without it DATABASE_URL (postgres://...) is used where it is set.",
    source: storeFolder,
  }),
};

export type OpenedStore = Store & { close: () => Promise<void> };

/** Opens the store that was named. A folder that is not there is an error, unless it is to be made. Throws `io`, `network`. */
export async function openNamedStore(
  { store }: { store?: string | undefined },
  { make = false } = {},
): Promise<OpenedStore> {
  const url = process.env["DATABASE_URL"];
  if (store === undefined && url !== undefined && url !== "") return openStore({ url });
  const folder = store ?? storeFolder;
  if (!make && !existsSync(folder)) {
    throw new AttuneError("io", {
      where: folder,
      expected: "a store",
      got: "no such folder",
      fix: "--store FOLDER or DATABASE_URL says where it is; attune import FILE --project NAME makes one",
    });
  }
  return openStore({ folder });
}

/** Opens, works, and closes whatever happens. */
export async function withStore<T>(
  named: { store?: string | undefined },
  work: (store: Store) => Promise<T>,
  options: { make?: boolean } = {},
): Promise<T> {
  const store = await openNamedStore(named, options);
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
