/** How many rows of a long list are on the screen: a screenful at once, the rest while nobody waits. Knows no row. */
import { useEffect, useState } from "preact/hooks";

const more = 40;

/** `atLeast` (a row that somebody jumped to) is never waited for. */
export function useGrowing(length: number, { first, atLeast }: { first: number; atLeast: number }): number {
  const [shown, setShown] = useState(first);
  useEffect(() => {
    if (shown >= length) return undefined;
    const timer = setTimeout(() => setShown(shown + more), 30);
    return () => clearTimeout(timer);
  }, [shown, length]);
  return Math.min(length, Math.max(shown, atLeast + 1));
}
