/** Lists of numbers that grow, in typed arrays: millions of them cost their bytes and nothing more. Knows no data. */

type Typed = Uint32Array | Float64Array;

/** A list to which numbers are added at its end. */
export interface Growing<T extends Typed> {
  readonly length: number;
  push(value: number): void;
  /** What is in it now; later additions may not show. */
  view(): T;
}

/** Room doubles when it is used up, so that adding costs the same on average. */
export function growing<T extends Typed>(make: (length: number) => T): Growing<T> {
  let room = make(1024);
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(value) {
      if (length === room.length) {
        const larger = make(length * 2);
        larger.set(room);
        room = larger;
      }
      room[length] = value;
      length += 1;
    },
    view: () => room.subarray(0, length) as T,
  };
}

export const growingUint32 = (): Growing<Uint32Array> => growing((length) => new Uint32Array(length));
export const growingFloat64 = (): Growing<Float64Array> => growing((length) => new Float64Array(length));
