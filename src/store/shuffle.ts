/** The order in which answers are shown: a function of project, person and item, so that it can be made again. */
import { sha256 } from "../util/files.js";
import { createRandom } from "../util/random.js";

/** The seed for a key, and the shuffle that it gives. */
export function sidesFor(key: string): { seed: number; shuffle: <T>(items: T[]) => T[] } {
  const seed = Number.parseInt(sha256(key).slice(0, 8), 16);
  return { seed, shuffle: (items) => createRandom(seed, { stream: "sides" }).shuffle([...items]) };
}
