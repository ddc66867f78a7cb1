/** Programs: what they accept, what they refuse and how they say it. */
import { describe, expect, it } from "vitest";

import { add, type Backend, constant, type HostTensor, input, mul, sum } from "../../src/tensor/index.js";
import { bool, f32, i32 } from "./case.js";
import { expectClose, runOnce } from "./numeric.js";

interface Options {
  tolerance: number;
  make: () => Backend;
}

export function programConformance(backend: () => Backend, { tolerance, make }: Options): void {
  const x = input("x", [2]);
  const y = input("y", [2]);
  const graph = { inputs: { x, y }, outputs: { total: add(x, y) } };
  const feeds = { x: f32([2], [1, 2]), y: f32([2], [10, 20]) };
  const refused = { code: "backend" };

  describe("programs", () => {
    it("run again and again, with other numbers", async () => {
      const program = await backend().compile(graph);
      for (const k of [1, 2, 3]) {
        const { total } = await program.run({ ...feeds, x: f32([2], [k, 2 * k]) });
        expectClose(total!, [k + 10, 2 * k + 20], { tolerance, what: "total" });
      }
      await program.release();
    });

    it("answer every one of several runs started at once", async () => {
      const program = await backend().compile(graph);
      const runs = [1, 2, 3, 4].map((k) => program.run({ ...feeds, x: f32([2], [k, k]) }));
      (await Promise.all(runs)).forEach(({ total }, i) =>
        expectClose(total!, [i + 11, i + 21], { tolerance, what: `run ${i}` }),
      );
      await program.release();
    });

    it("give the numbers of an earlier run back unchanged by a later one", async () => {
      const program = await backend().compile(graph);
      const first = await program.run(feeds);
      await program.run({ ...feeds, x: f32([2], [100, 100]) });
      expectClose(first["total"]!, [11, 22], { tolerance, what: "total" });
      await program.release();
    });

    it("may give an input, a constant, and one value under two names", async () => {
      const double = mul(x, 2);
      const outputs = {
        x,
        ones: constant(1, [2, 2]),
        list: constant([3, 4], [2], "int32"),
        double,
        again: double,
      };
      const results = await runOnce(backend(), { inputs: { x }, outputs }, { x: feeds.x });
      const values = Object.fromEntries(
        Object.entries(results).map(([name, t]) => [name, Array.from(t.data)]),
      );
      expect(values).toEqual({ x: [1, 2], ones: [1, 1, 1, 1], list: [3, 4], double: [2, 4], again: [2, 4] });
    });

    it("give int32 and bool results in their own arrays", async () => {
      const [n, b] = [input("n", [2], "int32"), input("b", [2], "bool")];
      const results = await runOnce(
        backend(),
        { inputs: { n, b }, outputs: { n: add(n, 1), b } },
        { n: i32([2], [1, 2]), b: bool([2], [1, 0]) },
      );
      expect(results["n"]!.data).toEqual(Int32Array.of(2, 3));
      expect(results["b"]!.data).toEqual(Uint8Array.of(1, 0));
    });

    it("take feeds that the graph declares and no output needs", async () => {
      const results = await runOnce(backend(), { inputs: { x, y }, outputs: { s: sum(x) } }, feeds);
      expectClose(results["s"]!, [3], { tolerance, what: "s" });
      expectClose(
        (await runOnce(backend(), { inputs: { x, y }, outputs: { s: sum(x) } }, { x: feeds.x }))["s"]!,
        [3],
        { tolerance, what: "s without y" },
      );
    });

    it("leave the arrays of the caller alone", async () => {
      const own = f32([2], [1, 2]);
      await runOnce(backend(), graph, { ...feeds, x: own });
      expect(own.data).toEqual(Float32Array.of(1, 2));
    });

    const wrong: readonly (readonly [string, Record<string, HostTensor>, RegExp])[] = [
      ["a feed is missing", { x: feeds.x }, /"y".*float32\[2\]/s],
      ["a feed has a name that the graph does not know", { ...feeds, z: feeds.x }, /"z"/],
      ["a feed has another shape", { ...feeds, y: f32([3], [1, 2, 3]) }, /"y".*float32\[2\].*float32\[3\]/s],
      [
        "a feed has another rank",
        { ...feeds, y: f32([1, 2], [1, 2]) },
        /"y".*float32\[2\].*float32\[1, 2\]/s,
      ],
      ["a feed has another type", { ...feeds, y: i32([2], [1, 2]) }, /"y".*float32\[2\].*int32\[2\]/s],
      ["a feed is too short for its shape", { ...feeds, y: f32([2], [1]) }, /"y".*2 numbers.*got 1/s],
      [
        "an array does not fit its type",
        { ...feeds, y: { ...feeds.y, data: Int32Array.of(1, 2) } },
        /"y".*Int32Array/s,
      ],
    ];
    for (const [what, bad, message] of wrong) {
      it(`refuse to run when ${what}`, async () => {
        const program = await backend().compile(graph);
        await expect(program.run(bad)).rejects.toMatchObject({
          ...refused,
          message: expect.stringMatching(message),
        });
        expectClose((await program.run(feeds))["total"]!, [11, 22], { tolerance, what: "the next run" });
        await program.release();
      });
    }

    it("are refused when the graph does not declare an input that it uses", async () => {
      await expect(backend().compile({ inputs: { x }, outputs: graph.outputs })).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining('"y"'),
      });
    });

    it("refuse to run once released", async () => {
      const program = await backend().compile(graph);
      await program.release();
      await expect(program.run(feeds)).rejects.toMatchObject(refused);
    });

    it("refuse to run once the backend is closed", async () => {
      const own = make();
      const program = await own.compile(graph);
      await own.close();
      await expect(program.run(feeds)).rejects.toMatchObject(refused);
      await expect(own.compile(graph)).rejects.toMatchObject(refused);
    });
  });
}
