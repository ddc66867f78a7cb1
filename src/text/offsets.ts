/** Offsets counted in code points, as the Rust library gives them, to UTF-16 units, as JavaScript strings have them. */

/** `offsets` are ordered or not; each is a place in `text` in code points. */
export function utf16Offsets(text: string, offsets: readonly (readonly number[])[]): [number, number][] {
  const place = codePointPlaces(text);
  const at = (codePoint: number): number =>
    place === undefined ? codePoint : (place[codePoint] ?? text.length);
  return offsets.map(([start = 0, end = 0]) => [at(start), at(end)]);
}

/** UTF-16 place of every code point, or `undefined` where the two counts agree. */
function codePointPlaces(text: string): Uint32Array | undefined {
  if (!/[\ud800-\udbff]/.test(text)) return undefined;
  const places = new Uint32Array(text.length + 1);
  let count = 0;
  for (let i = 0; i < text.length; count++) {
    places[count] = i;
    i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  }
  places[count] = text.length;
  return places.subarray(0, count + 1);
}
