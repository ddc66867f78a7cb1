/**
 * The reference backend: every float is a float64, every kernel a plain loop. Slow and obvious; what the others are
 * measured against, and what gradients are checked on.
 */
import { AttuneError } from "../../errors.js";
import {
  type Backend,
  type Graph,
  type HostTensor,
  type Program,
  type Resident,
  type RunOptions,
  sameShape,
  type TensorType,
} from "../../tensor/index.js";
import { checkPlacement, place } from "../placement.js";
import { plan, showType } from "./program.js";
import { allocate, fromHost, toHost, type Value } from "./value.js";
import { readWeight } from "./weights.js";

/** A backend in float64 for tests and small checks. Feeds may be Float32Array or Float64Array; results are Float64Array. */
export function referenceBackend(): Backend {
  const values = new Map<number, Value>();
  let counter = 0;
  let open = true;

  const hold = (value: Value): Resident => {
    checkOpen();
    values.set(++counter, value);
    return { id: counter, shape: value.shape, dtype: value.dtype };
  };
  const held = ({ id }: Resident): Value => {
    checkOpen();
    const value = values.get(id);
    if (value) return value;
    throw refused(
      "resident",
      "one that is held",
      `resident ${id}, which was freed or belongs to another backend`,
    );
  };
  const checkOpen = (): void => {
    if (!open) throw refused("backend", "an open backend", "one that was closed");
  };

  async function compile(graph: Graph): Promise<Program> {
    checkOpen();
    const { inputs, execute } = plan(graph);
    let released = false;
    return {
      graph,
      async run(feeds, { into = {}, place: placements = {} }: RunOptions = {}) {
        checkOpen();
        if (released) throw refused("program", "a program that is held", "one that was released");
        const bound = bind(feeds, graph, { inputs, held });
        checkTargets(into, graph, held);
        for (const [name, placement] of Object.entries(placements)) {
          checkPlacement(name, graph.outputs[name], placement);
        }
        const results = execute(bound);
        // Values are never changed once made, so a resident that is read and written is simply replaced.
        for (const [name, { id }] of Object.entries(into)) values.set(id, results.get(name)!);
        for (const [name, placement] of Object.entries(placements)) {
          const old = held(placement.resident);
          const value = { ...old, data: old.data.slice() };
          place(value, results.get(name)!, placement);
          values.set(placement.resident.id, value);
        }
        const returned = [...results].filter(
          ([name]) => !Object.hasOwn(into, name) && !Object.hasOwn(placements, name),
        );
        return Object.fromEntries(returned.map(([name, value]) => [name, toHost(value)]));
      },
      async release() {
        released = true;
      },
    };
  }

  return {
    name: "reference",
    precision: "float64",
    compile,
    upload: async (value) => hold(fromHost(value, "upload")),
    load: async (source, shape) => hold({ dtype: "float32", shape, data: readWeight(source, shape) }),
    zeros: async ({ dtype, shape }) => hold({ dtype, shape, data: allocate({ dtype, shape }) }),
    async clear(residents) {
      for (const resident of residents) {
        held(resident);
        values.set(resident.id, { ...resident, data: allocate(resident) });
      }
    },
    async write(resident, value) {
      held(resident);
      if (!fits(value, resident)) throw refused("write", showType(resident), showType(value));
      values.set(resident.id, fromHost(value, "write"));
    },
    download: async (resident) => toHost(held(resident)),
    async free(residents) {
      for (const resident of residents) held(resident);
      for (const { id } of residents) values.delete(id);
    },
    async close() {
      open = false;
      values.clear();
    },
  };
}

const refused = (where: string, expected: string, got: string): AttuneError =>
  new AttuneError("backend", { where, expected, got });

type Held = (resident: Resident) => Value;
type Feeds = Readonly<Record<string, HostTensor | Resident>>;

const fits = (a: TensorType, b: TensorType): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

function bind(
  feeds: Feeds,
  graph: Graph,
  { inputs, held }: { inputs: ReadonlyMap<string, TensorType>; held: Held },
): Map<string, Value> {
  for (const name of Object.keys(feeds)) {
    if (!Object.hasOwn(graph.inputs, name)) {
      throw refused(`program input "${name}"`, `one of ${Object.keys(graph.inputs).join(", ")}`, name);
    }
  }
  const bound = new Map<string, Value>();
  for (const [name, type] of inputs) {
    const feed = feeds[name];
    const where = `program input "${name}"`;
    if (!feed || !fits(feed, type)) throw refused(where, showType(type), feed ? showType(feed) : "nothing");
    bound.set(name, "id" in feed ? held(feed) : fromHost(feed, where));
  }
  return bound;
}

function checkTargets(into: Readonly<Record<string, Resident>>, graph: Graph, held: Held): void {
  const taken = new Set<number>();
  for (const [name, resident] of Object.entries(into)) {
    const where = `program output "${name}"`;
    const type = graph.outputs[name];
    if (!type) throw refused(where, `one of ${Object.keys(graph.outputs).join(", ")}`, name);
    held(resident);
    if (!fits(resident, type)) throw refused(where, `a resident of ${showType(type)}`, showType(resident));
    if (taken.has(resident.id)) throw refused(where, "a resident for each output", "one resident for two");
    taken.add(resident.id);
  }
}
