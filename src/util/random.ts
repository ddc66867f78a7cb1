/**
 * Seeded random numbers whose whole state is three plain values: Philox4x32-10, a counter-based generator
 * (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). Knows nothing of what is drawn for.
 *
 * Number `i` of a stream is a pure function of (seed, stream, i), so a resumed run continues exactly where
 * it stopped, and two streams of one seed ("shuffle", "dropout") never share a number.
 */
import { AttuneError } from "../errors.js";

/** All that is needed to continue: JSON-safe. `counter` counts the 32-bit words drawn so far. */
export interface RandomState {
  seed: number;
  stream: string;
  counter: number;
}

export interface Random {
  /** A whole number in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, 1), 53 bits; draws two words. */
  uniform(): number;
  /** A whole number in [0, bound), without modulo bias; `bound` in 1..2^32. */
  integer(bound: number): number;
  /** Standard normal by Box-Muller; always draws four words, so that the counter stays predictable. */
  normal(): number;
  /** Shuffles in place (Fisher-Yates) and returns the same array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** An independent generator of the same seed, named under this one. */
  fork(name: string): Random;
  state(): RandomState;
}

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const middleLow = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middleLow / 65536)) >>> 0;
}

/** One block: four words from four counter words and two key words. Exported for its known-answer test. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round += 1) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** A 64-bit hash of a stream's name as two words (two FNV-1a passes with a final mix). */
function hashName(name: string): [number, number] {
  let first = 0x811c9dc5;
  let second = 0xc9dc5118;
  for (let index = 0; index < name.length; index += 1) {
    const unit = name.charCodeAt(index);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second ^ unit, 0x85ebca6b);
    second ^= second >>> 13;
  }
  first = Math.imul(first ^ (first >>> 16), 0x85ebca6b);
  second = Math.imul(second ^ (second >>> 16), 0xc2b2ae35);
  return [(first ^ (first >>> 13)) >>> 0, (second ^ (second >>> 16)) >>> 0];
}

/**
 * A generator for `seed` (a safe integer >= 0). `stream` separates uses of one seed; `counter` continues
 * after that many words. Throws `config` when the seed or counter is not such a number.
 */
export function createRandom(seed: number, { stream = "", counter = 0 } = {}): Random {
  for (const [name, value] of [
    ["seed", seed],
    ["counter", counter],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new AttuneError("config", {
        where: `random: ${name}`,
        expected: "a whole number from 0 to 2^53 - 1",
        got: String(value),
      });
    }
  }
  const key: [number, number] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  const name = hashName(stream);
  let drawn = counter;
  let block = -1;
  let words: readonly number[] = [];

  function uint32(): number {
    const wanted = Math.floor(drawn / 4);
    if (wanted !== block) {
      words = philox4x32([wanted >>> 0, Math.floor(wanted / 2 ** 32) >>> 0, name[0], name[1]], key);
      block = wanted;
    }
    const word = words[drawn % 4] as number;
    drawn += 1;
    return word;
  }

  function uniform(): number {
    const high = uint32() >>> 5;
    const low = uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  function integer(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new AttuneError("usage", {
        where: "random.integer",
        expected: "a bound from 1 to 2^32",
        got: String(bound),
      });
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = uint32();
    while (word >= limit) word = uint32();
    return word % bound;
  }

  return {
    uint32,
    uniform,
    integer,
    normal() {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    },
    shuffle(items) {
      const writable: { [index: number]: unknown } = items;
      for (let index = items.length - 1; index > 0; index -= 1) {
        const other = integer(index + 1);
        const kept = writable[index];
        writable[index] = writable[other];
        writable[other] = kept;
      }
      return items;
    },
    fork: (child) => createRandom(seed, { stream: `${stream}/${child}` }),
    state: () => ({ seed, stream, counter: drawn }),
  };
}

/** The generator that `state()` described, at the same place. */
export function restoreRandom(state: RandomState): Random {
  return createRandom(state.seed, { stream: state.stream, counter: state.counter });
}
