/** Which store a command works on: a folder, or the PostgreSQL server of DATABASE_URL; and `attune:PROJECT` in it. Knows no command. */
import { existsSync } from "node:fs";
import { AttuneError } from "../errors.js";
import { openStore, type Store } from "../store/index.js";
import { optionalText } from "../train/job/setting.js";

export const defaultFolder = "attune-store";

export const storeSettings = {
  store: optionalText({
    doc: "Folder of the embedded database, made where there is none. DATABASE_URL=postgres://... in the environment uses a PostgreSQL server instead.",
    source: `DATABASE_URL, else ${defaultFolder}`,
  }),
};

export interface StorePlace {
  /** In words, without a password. */
  title: string;
  folder?: string;
  url?: string;
}

/** `--store` wins over DATABASE_URL. */
export function placeOfStore(
  { store }: { store?: string | undefined },
  env: NodeJS.ProcessEnv = process.env,
): StorePlace {
  const url = env["DATABASE_URL"];
  if (store !== undefined) return { title: store, folder: store };
  if (url !== undefined && url !== "") return { title: hostOf(url), url };
  return { title: defaultFolder, folder: defaultFolder };
}

function hostOf(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `PostgreSQL at ${host}${pathname}`;
  } catch {
    return "PostgreSQL";
  }
}

/** Opens it; with `existing` a folder that is not there is an error rather than a new, empty store. */
export function openStoreAt(
  { folder, url }: StorePlace,
  { existing = false }: { existing?: boolean } = {},
): Promise<Store & { close: () => Promise<void> }> {
  if (existing && folder !== undefined && !existsSync(folder)) {
    throw new AttuneError("usage", {
      where: folder,
      expected: "the folder of a store",
      got: "nothing there",
      fix: "attune annotate FILE makes one, --store names another",
    });
  }
  return openStore({ ...(folder !== undefined && { folder }), ...(url !== undefined && { url }) });
}

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
