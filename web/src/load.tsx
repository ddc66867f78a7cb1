/** Something from the server on a page: loading, failed, or there. Knows no route. */
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  value: T | null;
  error: string | null;
  reload: () => void;
}

export function useLoad<T>(get: () => Promise<T>, on: readonly unknown[] = []): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; error: string | null }>({ value: null, error: null });
  // oxlint-disable-next-line exhaustive-deps -- the caller names what it depends on
  const load = useCallback(() => {
    get().then(
      (value) => setState({ value, error: null }),
      (error: Error) => setState({ value: null, error: error.message }),
    );
  }, [...on]);
  useEffect(load, [load]);
  return { ...state, reload: load };
}

export interface Page<T> {
  rows: T[];
  /** Where the next page starts; null on the last. */
  after: string | null;
}

/** A list that comes in pages: `more` brings the next behind what is there. */
export function usePages<T, P extends Page<T> = Page<T>>(
  get: (after: string | undefined) => Promise<P>,
  on: readonly unknown[] = [],
): Loaded<P> & { more: () => void } {
  const first = useLoad(() => get(undefined), on);
  const [added, setAdded] = useState<{ behind: P; rows: T[]; after: string | null } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const more = added !== null && added.behind === first.value ? added : null;
  const value =
    first.value && more
      ? { ...first.value, rows: [...first.value.rows, ...more.rows], after: more.after }
      : first.value;
  return {
    value,
    error: first.error ?? error,
    reload: () => (setError(null), first.reload()),
    more: () => {
      const behind = first.value;
      if (behind === null || value?.after == null) return;
      get(value.after).then(
        ({ rows, after }) => setAdded({ behind, rows: [...(more?.rows ?? []), ...rows], after }),
        (cause: Error) => setError(cause.message),
      );
    },
  };
}

/** The button below a list that goes on. */
export const More = ({ of }: { of: { value: { after: string | null } | null; more: () => void } }) =>
  of.value?.after == null ? null : (
    <button type="button" onClick={of.more}>
      Show more
    </button>
  );

export function Show<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChildren }) {
  if (of.error !== null) {
    return (
      <div class="banner bad" role="alert">
        {of.error}{" "}
        <button type="button" class="quiet" onClick={of.reload}>
          Try again
        </button>
      </div>
    );
  }
  return of.value === null ? (
    <p class="muted" role="status">
      Loading…
    </p>
  ) : (
    <>{children(of.value)}</>
  );
}
