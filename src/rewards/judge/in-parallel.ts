/** Work on a list, so many at a time, results in order; the first failure stops the rest. Knows no work. */

export async function inParallel<T, R>(
  items: readonly T[],
  { concurrency, signal }: { concurrency: number; signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const results = Array.from<R>({ length: items.length });
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of waiting) {
      either.throwIfAborted();
      results[at] = await work(item, either);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return results;
}
