/**
 * The ONNX Runtime backend: lowers graphs here, runs them on a thread of its own so that the event loop stays free.
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { AttuneError } from "../../errors.js";
import {
  type Backend,
  type CompileOptions,
  type Graph,
  type HostTensor,
  type Program,
  type Resident,
  type RunOptions,
  sameShape,
  type Shape,
  showShape,
  sizeOf,
  type TensorType,
  type WeightSource,
} from "../../tensor/index.js";
import { checkPlacement } from "../placement.js";
import type { FrozenForm } from "./frozen-weights.js";
import { lowerGraph, type LowerOptions } from "./lower-graph.js";
import type { Command, EngineSettings, Response } from "./protocol.js";
import { formBytes } from "./weight-forms.js";
import { WeightStore } from "./weight-store.js";

export interface OrtOptions {
  /** Threads inside one op. Default: the number of cores, at most 8. Results are bit-for-bit equal at equal threads. */
  threads?: number;
  /** Write the runtime's profile to files with this prefix when programs are released. Default: none. */
  profile?: string;
  /**
   * How products with frozen weights (all of the model but its adapters, under LoRA) are worked. "float32", the default, is
   * exact. "int8" rounds the weights and what they are multiplied with to bytes, with a scale for each row and column:
   * about three times as fast and a quarter of the memory, at about 1% error in each product (docs/precision.md).
   */
  frozenWeights?: FrozenForm;
  /**
   * Folder for the forms of frozen weights that are made here and mapped (bytes; 16-bit weights as float32): on the
   * model's volume, with room for them. Emptied on `close`. Default: the system's folder for temporary files.
   */
  scratch?: string;
}

/** Beside this file when compiled; tests run from sources and use the compiled thread. */
function workerFile(): URL {
  const own = new URL("./worker.js", import.meta.url);
  if (existsSync(fileURLToPath(own))) return own;
  return new URL("../../../dist/backends/ort/worker.js", import.meta.url);
}

type Pending = { resolve: (value: unknown) => void; reject: (error: Error) => void };

/** The client's end of the engine's thread. */
class Engine {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #closed: string | undefined;

  constructor(settings: EngineSettings) {
    this.#worker = new Worker(workerFile(), { workerData: settings });
    this.#worker.on("message", ({ id, value, error }: Response) => {
      const pending = this.#pending.get(id)!;
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#worker.unref();
      if (error === undefined) pending.resolve(value);
      else
        pending.reject(new AttuneError("backend", { where: "onnxruntime", expected: "a run", got: error }));
    });
    this.#worker.on("error", (error) => this.#fail(`the engine's thread died: ${error.message}`));
    this.#worker.on("exit", () => this.#fail("the engine was closed"));
    this.#worker.unref();
  }

  send(command: Command): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(closed(this.#closed));
    const id = this.#next++;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ ...command, id });
    });
  }

  async close(): Promise<void> {
    this.#closed ??= "the engine was closed";
    await this.#worker.terminate();
  }

  #fail(reason: string): void {
    this.#closed ??= reason;
    for (const { reject } of this.#pending.values()) reject(closed(reason));
    this.#pending.clear();
  }
}

const closed = (reason: string): AttuneError =>
  new AttuneError("backend", { where: "onnxruntime", expected: "a running engine", got: reason });

export function ortBackend(options: OrtOptions = {}): Backend {
  const threads = options.threads ?? Math.min(8, availableParallelism());
  const engine = new Engine({ threads, profile: options.profile });
  const store = new WeightStore(options.scratch);
  const lowering = { frozen: options.frozenWeights ?? "float32", store };
  let counter = 0;
  const live = new Set<number>();

  const resident = async (
    { shape, dtype }: TensorType,
    command: (id: number) => Command,
  ): Promise<Resident> => {
    const id = ++counter;
    live.add(id);
    await engine.send(command(id));
    return { id, shape, dtype };
  };
  const check = (r: Resident): number => {
    if (live.has(r.id)) return r.id;
    throw new AttuneError("backend", {
      where: "backend",
      expected: "a resident that is held",
      got: "one that was freed",
    });
  };

  return {
    name: "ort",
    precision: "float32",
    compile: (graph, compileOptions) =>
      compile(engine, graph, { id: ++counter, check, options: compileOptions ?? {}, lowering }),
    upload: async (value: HostTensor) => {
      checkData("upload", value);
      return resident(value, (id) => ({ kind: "upload", resident: id, value }));
    },
    load: (source: WeightSource, shape: Shape) =>
      resident({ shape, dtype: "float32" }, (id) => ({ kind: "load", resident: id, source, shape })),
    zeros: (type) =>
      resident(type, (id) => ({ kind: "zeros", resident: id, dtype: type.dtype, shape: type.shape })),
    clear: async (list) => {
      await engine.send({ kind: "clear", residents: list.map(check) });
    },
    write: async (r, value) => {
      checkType("write", value, r);
      checkData("write", value);
      await engine.send({ kind: "upload", resident: check(r), value });
    },
    download: async (r) => (await engine.send({ kind: "download", resident: check(r) })) as HostTensor,
    free: async (list) => {
      const ids = list.map(check);
      for (const id of ids) live.delete(id);
      await engine.send({ kind: "free", residents: ids });
    },
    close: async () => {
      await engine.close();
      store.close();
    },
  };
}

const ARRAYS = { float32: [Float32Array, Float64Array], int32: [Int32Array], bool: [Uint8Array] } as const;

/** Refuses arrays of another kind or length than the type says. */
function checkData(where: string, { data, shape, dtype }: HostTensor): void {
  if (!ARRAYS[dtype].some((kind) => data instanceof kind)) {
    throw new AttuneError("backend", {
      where,
      expected: `${ARRAYS[dtype][0].name} for ${dtype}`,
      got: data.constructor.name,
    });
  }
  if (data.length === sizeOf(shape)) return;
  throw new AttuneError("backend", {
    where,
    expected: `${sizeOf(shape)} numbers for ${showShape(shape)}`,
    got: String(data.length),
  });
}

const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`;

function checkType(where: string, got: TensorType | undefined, wanted: TensorType): void {
  if (got && got.dtype === wanted.dtype && sameShape(got.shape, wanted.shape)) return;
  throw new AttuneError("backend", {
    where,
    expected: showType(wanted),
    got: got ? showType(got) : "nothing",
  });
}

/** Each output goes to a resident of its type, and no two to one. */
function checkTargets(into: Readonly<Record<string, Resident>>, graph: Graph): void {
  const taken = new Set<number>();
  for (const [name, resident] of Object.entries(into)) {
    const where = `program output "${name}"`;
    const type = graph.outputs[name];
    if (!type)
      throw new AttuneError("backend", {
        where,
        expected: `one of ${Object.keys(graph.outputs).join(", ")}`,
        got: name,
      });
    checkType(where, resident, type);
    if (taken.has(resident.id))
      throw new AttuneError("backend", {
        where,
        expected: "a resident for each output",
        got: "one resident for two",
      });
    taken.add(resident.id);
  }
}

interface CompileContext {
  id: number;
  check: (r: Resident) => number;
  options: CompileOptions;
  lowering: LowerOptions;
}

/** Makes the forms of weights that programs were lowered for. */
async function makeForms(engine: Engine, store: WeightStore): Promise<void> {
  const forms = store.take();
  if (forms.length === 0) return;
  try {
    await engine.send({ kind: "convert", forms });
  } catch (error) {
    store.forget(forms);
    throw new AttuneError("backend", {
      where: `${dirname(forms[0]!.file)}: frozen weights for the engine`,
      expected: `room for ${Math.ceil(forms.reduce((sum, form) => sum + formBytes(form), 0) / 1e6)} MB that can be written`,
      got: error instanceof AttuneError ? error.got : String(error),
      fix: "free space there, or name another folder in the environment variable TMPDIR",
    });
  }
}

async function compile(
  engine: Engine,
  graph: Graph,
  { id, check, options, lowering }: CompileContext,
): Promise<Program> {
  const { model, folder, inputs } = lowerGraph(graph, lowering);
  await makeForms(engine, lowering.store);
  await engine.send({ kind: "compile", program: id, model, folder, prepack: options.prepack ?? false });
  const outputs = Object.keys(graph.outputs);

  const feedOf = (name: string, value: HostTensor | Resident | undefined): HostTensor | number => {
    const where = `program input "${name}"`;
    checkType(where, value, graph.inputs[name]!);
    if ("id" in value!) return check(value);
    checkData(where, value!);
    return value!;
  };

  return {
    graph,
    run: async (feeds, runOptions: RunOptions = {}) => {
      const unknown = Object.keys(feeds).find((name) => !(name in graph.inputs));
      if (unknown !== undefined) {
        throw new AttuneError("backend", {
          where: `program input "${unknown}"`,
          expected: `one of ${Object.keys(graph.inputs).join(", ")}`,
          got: unknown,
        });
      }
      checkTargets(runOptions.into ?? {}, graph);
      const into = Object.fromEntries(
        Object.entries(runOptions.into ?? {}).map(([name, r]) => [name, check(r)]),
      );
      const place = Object.fromEntries(
        Object.entries(runOptions.place ?? {}).map(([name, placement]) => {
          checkPlacement(name, graph.outputs[name], placement);
          return [name, { ...placement, resident: check(placement.resident) }];
        }),
      );
      const command: Command = {
        kind: "run",
        program: id,
        feeds: Object.fromEntries(inputs.map((name) => [name, feedOf(name, feeds[name])])),
        outputs,
        into,
        place,
      };
      return (await engine.send(command)) as Record<string, HostTensor>;
    },
    release: async () => {
      await engine.send({ kind: "release", program: id });
    },
  };
}
