/** Hashes short enough for a number, and a table of them that holds 12 bytes an entry. Knows no records. */
import { sha256 } from "../util/files.js";

/** The first 52 bits of the text's sha256, as a whole number: exact in a float64, in JSON and in a file. */
export const shortHash = (text: string): number => Number.parseInt(sha256(text).slice(0, 13), 16);

/** Hashes seen so far, each with the place at which it was first seen. */
export interface HashTable {
  readonly size: number;
  /** The place of an equal hash that was there before; else adds this one and gives undefined. */
  add(hash: number, place: number): number | undefined;
  has(hash: number): boolean;
}

/** Open addressing with linear probing, at most three fifths full. */
export function createHashTable(): HashTable {
  let keys = new Float64Array(4096).fill(-1);
  let places = new Uint32Array(4096);
  let size = 0;

  /** The slot that holds the hash, or the empty one where it belongs. */
  function slotOf(hash: number): number {
    const mask = keys.length - 1;
    let slot = hash & mask;
    while (keys[slot] !== -1 && keys[slot] !== hash) slot = (slot + 1) & mask;
    return slot;
  }

  function grow(): void {
    const [oldKeys, oldPlaces] = [keys, places];
    keys = new Float64Array(oldKeys.length * 2).fill(-1);
    places = new Uint32Array(oldKeys.length * 2);
    for (let old = 0; old < oldKeys.length; old += 1) {
      const hash = oldKeys[old] as number;
      if (hash === -1) continue;
      const slot = slotOf(hash);
      keys[slot] = hash;
      places[slot] = oldPlaces[old] as number;
    }
  }

  return {
    get size() {
      return size;
    },
    has: (hash) => keys[slotOf(hash)] === hash,
    add(hash, place) {
      let slot = slotOf(hash);
      if (keys[slot] === hash) return places[slot];
      if (size >= keys.length * 0.6) {
        grow();
        slot = slotOf(hash);
      }
      keys[slot] = hash;
      places[slot] = place;
      size += 1;
      return undefined;
    },
  };
}
