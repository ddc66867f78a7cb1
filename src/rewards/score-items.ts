/**
 * Asks a reward for the scores of many answers: in batches, within a time, again where it may be asked again, until the
 * signal says stop. Everything that a reward can do wrong comes out as one error that names it and the rows.
 */
import { AttuneError } from "../errors.js";
import { checkScores, type CheckedScores, rowNames } from "./check-scores.js";
import type { Reward, RewardItem } from "./contract.js";

export interface ScoreOptions {
  /** Stops with the error `interrupted`. */
  signal?: AbortSignal;
  /** Seconds that one call may take; Infinity: as long as it likes. Default 180 (OpenRLHF's remote reward model). */
  timeoutSeconds?: number;
  /** Times that a call which threw or hung is made again. Default 0: a reward of one's own that throws is a mistake. */
  retries?: number;
  /** Calls made at the same time. Default 1. */
  concurrency?: number;
}

/**
 * One number an item, in order, and the parts they were made of.
 *
 * @throws AttuneError, naming the reward and its rows: `numeric` for NaN or infinity; `data` for a wrong count, for what is
 *   no number, for a reward that throws or gives no answer in time; `interrupted` when the signal says so. Errors that
 *   are AttuneErrors already (a reward server that is gone: `network`) pass as they are.
 */
export async function scoreItems(
  reward: Reward,
  items: readonly RewardItem[],
  options: ScoreOptions = {},
): Promise<CheckedScores> {
  const size = Math.max(1, Math.min(items.length, reward.batchSize ?? items.length));
  const batches: { at: number; items: readonly RewardItem[] }[] = [];
  for (let at = 0; at < items.length; at += size) batches.push({ at, items: items.slice(at, at + size) });
  const scores = new Float64Array(items.length);
  const components: Record<string, Float64Array> = {};
  // One batch that fails stops those that are still on their way.
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const waiting = batches.values();
  const work = async (): Promise<void> => {
    for (const batch of waiting) {
      const got = await scoreBatch(reward, batch.items, { ...options, signal });
      scores.set(got.scores, batch.at);
      for (const [name, values] of Object.entries(got.components))
        (components[name] ??= new Float64Array(items.length).fill(Number.NaN)).set(values, batch.at);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.concurrency ?? 1, batches.length) }, work));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return { scores, components };
}

async function scoreBatch(
  reward: Reward,
  items: readonly RewardItem[],
  { signal, timeoutSeconds = 180, retries = 0 }: ScoreOptions & { signal: AbortSignal },
): Promise<CheckedScores> {
  for (let attempt = 0; ; attempt++) {
    if (signal.aborted) throw interrupted(reward, items);
    try {
      const seconds = reward.keepsTime === true ? Infinity : timeoutSeconds;
      const raw = await within(seconds, signal, (inner) =>
        reward.score(items, { signal: inner, timeoutSeconds, retries }),
      );
      return checkScores(reward.name, raw, items);
    } catch (error) {
      if (signal.aborted) throw interrupted(reward, items);
      if (error instanceof AttuneError) throw error;
      if (attempt < retries) continue;
      throw failed(reward, items, { error, attempts: attempt + 1, timeoutSeconds });
    }
  }
}

class OutOfTime extends Error {}

/** The work, given up when the time is over or the signal says so, whether it listens or not. */
async function within<T>(
  seconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T> | T,
): Promise<T> {
  const control = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let stopped: (() => void) | undefined;
  const end = new Promise<never>((_, reject) => {
    const give = (error: Error): void => {
      control.abort(error);
      reject(error);
    };
    stopped = () => give(new Error("stopped"));
    signal.addEventListener("abort", stopped, { once: true });
    // Timers take at most 2^31 - 1 milliseconds.
    if (seconds * 1000 < 2 ** 31) timer = setTimeout(() => give(new OutOfTime()), seconds * 1000);
  });
  // Nobody may be listening any more when a late one fails.
  end.catch(() => undefined);
  try {
    return await Promise.race([(async () => work(control.signal))(), end]);
  } finally {
    clearTimeout(timer);
    if (stopped) signal.removeEventListener("abort", stopped);
  }
}

const interrupted = ({ name }: Reward, items: readonly RewardItem[]): AttuneError =>
  new AttuneError("interrupted", {
    where: `rewards: ${name}: ${rowNames(items)}`,
    expected: "to finish",
    got: "an abort signal",
  });

function failed(
  { name }: Reward,
  items: readonly RewardItem[],
  { error, attempts, timeoutSeconds }: { error: unknown; attempts: number; timeoutSeconds: number },
): AttuneError {
  const late = error instanceof OutOfTime;
  const message = error instanceof Error ? error.message : String(error);
  const tries = attempts === 1 ? "" : ` (${attempts} attempts)`;
  return new AttuneError("data", {
    where: `rewards: ${name}: ${rowNames(items)}`,
    expected: late ? `scores within ${timeoutSeconds} s` : "scores",
    got: late ? `no answer${tries}` : `an exception${tries}: ${message}`,
    fix: late ? "raise the time-out, or look why the reward hangs" : "look into the reward function",
    cause: error,
  });
}
