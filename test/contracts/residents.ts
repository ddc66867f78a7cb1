/** Residents: values that stay in the backend between runs. */
import { describe, expect, it } from "vitest";

import {
  add,
  type Backend,
  constant,
  type HostTensor,
  input,
  mul,
  type Program,
  sum,
} from "../../src/tensor/index.js";
import { f32, i32, random } from "./case.js";
import { expectClose } from "./numeric.js";
import { weightFile } from "./weight-file.js";

export function residentConformance(make: () => Backend, { tolerance }: { tolerance: number }): void {
  const x = input("x", [2]);
  const y = input("y", [2]);
  const refused = { code: "backend" };
  /** next = x + y, total = sum(next) */
  const compile = (): Promise<Program> =>
    make().compile({ inputs: { x, y }, outputs: { next: add(x, y), total: sum(add(x, y)) } });
  const two = (a: number, b: number): HostTensor => f32([2], [a, b]);

  describe("residents", () => {
    it("come back as they were given, whatever happens to the caller's array", async () => {
      const given = two(1, 2);
      const held = await make().upload(given);
      given.data[0] = 99;
      expect([held.dtype, held.shape]).toEqual(["float32", [2]]);
      const back = await make().download(held);
      expectClose(back, [1, 2], { tolerance, what: "first" });
      back.data[1] = 99;
      expectClose(await make().download(held), [1, 2], { tolerance, what: "second" });
      const whole = await make().upload(i32([2, 2], [1, 2, 3, 4]));
      expect((await make().download(whole)).data).toEqual(Int32Array.of(1, 2, 3, 4));
      await make().free([held, whole]);
    });

    it("can be given another value of the same type", async () => {
      const held = await make().upload(two(1, 2));
      await make().write(held, two(3, 4));
      expectClose(await make().download(held), [3, 4], { tolerance, what: "after" });
      await expect(make().write(held, f32([3], [1, 2, 3]))).rejects.toMatchObject(refused);
      await expect(make().write(held, i32([2], [1, 2]))).rejects.toMatchObject(refused);
      expectClose(await make().download(held), [3, 4], { tolerance, what: "after refusals" });
      await make().free([held]);
      await expect(make().write(held, two(1, 2))).rejects.toMatchObject(refused);
    });

    it("can be made zeros again, and only those that are held", async () => {
      const [held, other] = [await make().upload(two(1, 2)), await make().upload(two(3, 4))];
      await make().clear([held]);
      expect(Array.from((await make().download(held)).data)).toEqual([0, 0]);
      expectClose(await make().download(other), [3, 4], { tolerance, what: "the other" });
      await make().free([held, other]);
      await expect(make().clear([held])).rejects.toMatchObject(refused);
    });

    it("can begin as zeros, of every type", async () => {
      for (const dtype of ["float32", "int32", "bool"] as const) {
        const held = await make().zeros({ shape: [2, 3], dtype });
        const { data, shape } = await make().download(held);
        expect([Array.from(data), [...shape]]).toEqual([
          [0, 0, 0, 0, 0, 0],
          [2, 3],
        ]);
        await make().free([held]);
      }
    });

    it("can be read from a weight file of every storage type", async () => {
      for (const storage of ["F32", "BF16", "F16"] as const) {
        const { source, value } = weightFile([2, 4], storage);
        const held = await make().load(source, [2, 4]);
        expectClose(await make().download(held), value.data, { tolerance: 0, what: storage });
        await make().free([held]);
      }
    });

    it("are read by runs, and written by `into`, which returns the other outputs only", async () => {
      const program = await compile();
      const [a, b] = [await make().upload(two(1, 2)), await make().zeros({ shape: [2], dtype: "float32" })];
      const results = await program.run({ x: a, y: two(10, 20) }, { into: { next: b } });
      expect(Object.keys(results)).toEqual(["total"]);
      expectClose(results["total"]!, [33], { tolerance, what: "total" });
      expectClose(await make().download(b), [11, 22], { tolerance, what: "next" });
      expectClose(await make().download(a), [1, 2], { tolerance, what: "what was read" });
      await make().free([a, b]);
      await program.release();
    });

    it("may be read and written by the same run", async () => {
      const program = await compile();
      const state = await make().upload(two(1, 2));
      for (let step = 0; step < 4; step++) {
        await program.run({ x: state, y: two(1, 10) }, { into: { next: state } });
      }
      expectClose(await make().download(state), [5, 42], { tolerance, what: "state" });
      const { total } = await program.run({ x: state, y: state }, { into: { next: state } });
      expectClose(total!, [94], { tolerance, what: "total" });
      expectClose(await make().download(state), [10, 84], { tolerance, what: "doubled" });
      await make().free([state]);
      await program.release();
    });

    it("may trade places", async () => {
      const graph = { inputs: { x, y }, outputs: { first: mul(y, 1), second: add(x, 0) } };
      const program = await make().compile(graph);
      const [a, b] = [await make().upload(two(1, 2)), await make().upload(two(3, 4))];
      for (const [left, right] of [
        [
          [3, 4],
          [1, 2],
        ],
        [
          [1, 2],
          [3, 4],
        ],
      ] as const) {
        await program.run({ x: a, y: b }, { into: { first: a, second: b } });
        expectClose(await make().download(a), left, { tolerance, what: "a" });
        expectClose(await make().download(b), right, { tolerance, what: "b" });
      }
      await make().free([a, b]);
      await program.release();
    });

    it("are not changed by a run that only passes them on", async () => {
      const program = await make().compile({ inputs: { x }, outputs: { copy: x, one: constant(1, [2]) } });
      const [a, b] = [await make().upload(two(1, 2)), await make().upload(two(0, 0))];
      await program.run({ x: a }, { into: { copy: b } });
      await program.run({ x: two(8, 9) }, { into: { one: a } });
      expectClose(await make().download(b), [1, 2], { tolerance, what: "copy" });
      expectClose(await make().download(a), [1, 1], { tolerance, what: "overwritten" });
      await make().free([a, b]);
      await program.release();
    });

    it("take new entries of a run in place, and no others", () => entriesInPlace(make(), tolerance));

    it("cannot be used once freed", async () => {
      const program = await compile();
      const [gone, kept] = [await make().upload(two(1, 2)), await make().upload(two(1, 2))];
      await make().free([gone]);
      await expect(make().download(gone)).rejects.toMatchObject(refused);
      await expect(program.run({ x: gone, y: kept })).rejects.toMatchObject(refused);
      await expect(program.run({ x: kept, y: kept }, { into: { next: gone } })).rejects.toMatchObject(
        refused,
      );
      await make().free([kept]);
      await program.release();
    });

    it("must have the type of the input or output that they stand for", async () => {
      const program = await compile();
      const wide = await make().zeros({ shape: [3], dtype: "float32" });
      const whole = await make().zeros({ shape: [2], dtype: "int32" });
      const feeds = { x: two(1, 2), y: two(3, 4) };
      for (const bad of [wide, whole]) {
        await expect(program.run({ ...feeds, x: bad })).rejects.toMatchObject(refused);
        await expect(program.run(feeds, { into: { next: bad } })).rejects.toMatchObject(refused);
      }
      await expect(program.run(feeds, { into: { nowhere: wide } })).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining('"nowhere"'),
      });
      await make().free([wide, whole]);
      await program.release();
    });

    it("hold one output each", async () => {
      const program = await make().compile({ inputs: { x }, outputs: { a: add(x, 1), b: add(x, 2) } });
      const held = await make().zeros({ shape: [2], dtype: "float32" });
      await expect(program.run({ x: two(1, 2) }, { into: { a: held, b: held } })).rejects.toMatchObject(
        refused,
      );
      await make().free([held]);
      await program.release();
    });
  });
}

/** Steps 0.. of rows of [2, 2, 3, 2] go into a cache [3, 2, 5, 2] of ones. */
async function entriesInPlace(backend: Backend, tolerance: number): Promise<void> {
  const entries = input("entries", [2, 2, 3, 2]);
  const graph = { inputs: { entries }, outputs: { placed: mul(entries, 2), total: sum(entries) } };
  const program = await backend.compile(graph);
  const cache = await backend.upload(
    f32(
      [3, 2, 5, 2],
      Array.from({ length: 60 }, () => 1),
    ),
  );
  const given = random([2, 2, 3, 2], 7);
  const of = (...list: number[]): Int32Array => Int32Array.from(list);
  // Row 1 to two rows of the cache, of row 0 two steps; row 1 of the cache is left at its ends.
  const index = { from: of(1, 1, 0), to: of(0, 2, 1), at: of(0, 2, 1), count: of(3, 3, 2) };
  const result = await program.run({ entries: given }, { place: { placed: { resident: cache, ...index } } });
  expect(Object.keys(result)).toEqual(["total"]);
  const expected = Array.from({ length: 60 }, () => 1);
  index.from.forEach((from, j) => {
    for (let head = 0; head < 2; head++) {
      for (let step = 0; step < index.count[j]!; step++) {
        for (let i = 0; i < 2; i++) {
          const own = ((from * 2 + head) * 3 + step) * 2 + i;
          expected[((index.to[j]! * 2 + head) * 5 + index.at[j]! + step) * 2 + i] = 2 * given.data[own]!;
        }
      }
    }
  });
  expectClose(await backend.download(cache), expected, { tolerance, what: "cache" });
  const refused = { code: "backend" };
  for (const wrong of [
    { ...index, at: of(0, 3, 1) },
    { ...index, to: of(0, 3, 1) },
    { ...index, from: of(2, 1, 0) },
    { ...index, count: of(4, 3, 2) },
    { ...index, count: of(3) },
  ]) {
    const place = { placed: { resident: cache, ...wrong } };
    await expect(program.run({ entries: given }, { place })).rejects.toMatchObject(refused);
  }
  const flat = await backend.zeros({ shape: [3, 2, 5, 3], dtype: "float32" });
  const place = { placed: { resident: flat, ...index } };
  await expect(program.run({ entries: given }, { place })).rejects.toMatchObject(refused);
  expectClose(await backend.download(cache), expected, { tolerance, what: "cache after refusals" });
  await backend.free([cache, flat]);
  await program.release();
}
