/** Token buckets by name: so many at once, so many a second after that. Kept in memory. Knows no request. */
export interface RateLimit {
  /** Seconds to wait; 0 when it may pass. */
  take(name: string, cost?: number): number;
  /** Like `take`, without taking. */
  look(name: string): number;
}

export interface RateOptions {
  /** At once. */
  burst: number;
  perSecond: number;
  now?: () => number;
}

const mostNames = 20_000;

export function createRateLimit({ burst, perSecond, now = Date.now }: RateOptions): RateLimit {
  const buckets = new Map<string, { left: number; at: number }>();
  const fill = (name: string): { left: number; at: number } => {
    const at = now();
    const old = buckets.get(name);
    const left = old === undefined ? burst : Math.min(burst, old.left + ((at - old.at) / 1000) * perSecond);
    // Put in anew each time, so that the first is the one that was quiet longest: it is forgotten when there are too many.
    buckets.delete(name);
    if (buckets.size >= mostNames) buckets.delete(buckets.keys().next().value!);
    const bucket = { left, at };
    buckets.set(name, bucket);
    return bucket;
  };
  const wait = (left: number): number => (left >= 1 ? 0 : Math.max(1, Math.ceil((1 - left) / perSecond)));
  return {
    take(name, cost = 1) {
      const bucket = fill(name);
      const seconds = wait(bucket.left);
      if (seconds === 0) bucket.left -= cost;
      return seconds;
    },
    look: (name) => wait(fill(name).left),
  };
}
