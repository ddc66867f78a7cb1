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
