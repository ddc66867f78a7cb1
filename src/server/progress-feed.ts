/**
 * Live progress: whoever listens to a project gets its progress when it has changed, at most once a second, from one query for all of
 * them. Changes made by other servers on the same database are seen at the slower pace. Knows no HTTP.
 */
import type { Progress } from "./api-schemas.js";
import type { z } from "zod";

type State = z.output<typeof Progress>;
type Listener = (state: State) => void;

export interface ProgressFeed {
  /** Says that something of the project has changed here. */
  changed(project: string): void;
  /** Gives the function that stops listening. `onClose` is called when the feed itself ends. */
  listen(project: string, listener: Listener, onClose?: () => void): () => void;
  close(): void;
}

export interface FeedOptions {
  read: (project: string) => Promise<State>;
  /** Milliseconds between two events of a project; default 1000. */
  every?: number;
  /** Milliseconds after which it is read though nothing changed here; default 5000. */
  idle?: number;
}

interface Watched {
  listeners: Map<Listener, () => void>;
  last: string;
  dirty: boolean;
  readAt: number;
  reading: boolean;
}

export function createProgressFeed({ read, every = 1000, idle = 5000 }: FeedOptions): ProgressFeed {
  const projects = new Map<string, Watched>();
  let timer: NodeJS.Timeout | undefined;

  const look = async (project: string, watched: Watched): Promise<void> => {
    // A timer may fire a little early.
    if (watched.reading || Date.now() - watched.readAt < (watched.dirty ? every - 20 : idle)) return;
    Object.assign(watched, { reading: true, dirty: false, readAt: Date.now() });
    try {
      const state = await read(project);
      const text = JSON.stringify(state);
      if (text === watched.last) return;
      watched.last = text;
      for (const listener of watched.listeners.keys()) listener(state);
    } catch {
      // The database is away: the next look tries again.
      watched.dirty = true;
    } finally {
      watched.reading = false;
    }
  };
  const lookAtAll = (): void => {
    for (const [project, watched] of projects) void look(project, watched);
  };
  return {
    changed(project) {
      const watched = projects.get(project);
      if (watched !== undefined) watched.dirty = true;
    },
    listen(project, listener, onClose = () => undefined) {
      const watched: Watched = projects.get(project) ?? {
        listeners: new Map(),
        last: "",
        dirty: true,
        readAt: 0,
        reading: false,
      };
      projects.set(project, watched);
      watched.listeners.set(listener, onClose);
      timer ??= setInterval(lookAtAll, every);
      // A newcomer is told at once how things are, as far as that is known.
      if (watched.last === "") void look(project, watched);
      else listener(JSON.parse(watched.last) as State);
      return () => {
        watched.listeners.delete(listener);
        if (watched.listeners.size === 0) projects.delete(project);
        if (projects.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      };
    },
    close() {
      clearInterval(timer);
      timer = undefined;
      for (const { listeners } of projects.values()) for (const onClose of listeners.values()) onClose();
      projects.clear();
    },
  };
}
