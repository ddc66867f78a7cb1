/**
 * The engine's thread: owns the sessions and the resident buffers, runs one request at a time. `session.run` blocks
 * this thread and no other. Knows ONNX models and bytes, no graph.
 */
import { closeSync, openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import type { DType, HostArray, HostTensor, WeightSource } from "../../tensor/index.js";
import { place } from "../placement.js";
import { convertWeight, readExactly } from "./convert-weight.js";
import type { EngineSettings, Request, Response } from "./protocol.js";
import { widen } from "./widen.js";

const settings = workerData as EngineSettings;
const sessions = new Map<number, ort.InferenceSession>();

interface Held {
  tensor: ort.Tensor;
  /** Second buffer, made when a run reads and writes the same resident. */
  spare?: ort.Tensor | undefined;
}
const residents = new Map<number, Held>();

const ORT_TYPES: Record<DType, "float32" | "int32" | "bool"> = {
  float32: "float32",
  int32: "int32",
  bool: "bool",
};

function arrayOf(dtype: DType, size: number): HostArray {
  return dtype === "float32"
    ? new Float32Array(size)
    : dtype === "int32"
      ? new Int32Array(size)
      : new Uint8Array(size);
}

function toOrt({ dtype, shape, data }: HostTensor): ort.Tensor {
  const typed = data instanceof Float64Array ? Float32Array.from(data) : data;
  return new ort.Tensor(ORT_TYPES[dtype], typed as Float32Array, [...shape]);
}

function toHost(t: ort.Tensor): HostTensor {
  return { shape: t.dims, dtype: t.type as DType, data: t.data as HostArray };
}

function emptyLike(t: ort.Tensor): ort.Tensor {
  return toOrt({ dtype: t.type as DType, shape: t.dims, data: arrayOf(t.type as DType, t.size) });
}

function readWeight(source: WeightSource): Float32Array {
  const fd = openSync(source.file, "r");
  try {
    return widen(
      source.storage,
      readExactly(fd, { offset: source.offset, length: source.bytes, what: source.file }),
    );
  } finally {
    closeSync(fd);
  }
}

function held(id: number): Held {
  const value = residents.get(id);
  if (!value) throw new Error(`resident ${id} was freed`);
  return value;
}

async function compile(request: Extract<Request, { kind: "compile" }>): Promise<null> {
  // Consecutive reshapes would become one, and what orders work is such a reshape (`lower-after.ts`).
  const config: Record<string, string> = { "optimization.disable_specified_optimizers": "ReshapeFusion" };
  if (request.folder !== undefined)
    config["session.model_external_initializers_file_folder_path"] = request.folder;
  if (!request.prepack) config["session.disable_prepacking"] = "1";
  const options: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: request.optimise ?? "all",
    // An arena never gives memory back and is not shared between sessions: with it, a run would hold the peak of every graph.
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(settings.profile === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: `${settings.profile}-${request.program}` }),
    extra: config,
  };
  sessions.set(request.program, await ort.InferenceSession.create(request.model, options));
  return null;
}

async function run(request: Extract<Request, { kind: "run" }>): Promise<Record<string, HostTensor>> {
  const session = sessions.get(request.program);
  if (!session) throw new Error("the program was released");
  const feeds: Record<string, ort.Tensor> = {};
  const read = new Set<number>();
  for (const [name, value] of Object.entries(request.feeds)) {
    if (typeof value === "number") {
      feeds[`in:${name}`] = held(value).tensor;
      read.add(value);
    } else {
      feeds[`in:${name}`] = toOrt(value);
    }
  }
  const fetches: Record<string, ort.Tensor | null> = {};
  const swaps: Held[] = [];
  for (const name of request.outputs) fetches[`out:${name}`] = null;
  for (const [name, id] of Object.entries(request.into)) {
    const value = held(id);
    if (read.has(id)) {
      value.spare ??= emptyLike(value.tensor);
      fetches[`out:${name}`] = value.spare;
      swaps.push(value);
    } else {
      fetches[`out:${name}`] = value.tensor;
    }
  }
  const results = await session.run(feeds, fetches as ort.InferenceSession.NullableOnnxValueMapType);
  for (const value of swaps) [value.tensor, value.spare] = [value.spare!, value.tensor];
  const out: Record<string, HostTensor> = {};
  for (const name of request.outputs) {
    if (name in request.place) {
      const { resident, ...index } = request.place[name]!;
      place(toHost(held(resident).tensor), toHost(results[`out:${name}`] as ort.Tensor), index);
    } else if (!(name in request.into)) out[name] = toHost(results[`out:${name}`] as ort.Tensor);
  }
  return out;
}

async function handle(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "compile":
      return compile(request);
    case "convert":
      for (const form of request.forms) convertWeight(form);
      return null;
    case "run":
      return run(request);
    case "release": {
      const session = sessions.get(request.program);
      sessions.delete(request.program);
      if (session && settings.profile !== undefined) session.endProfiling();
      await session?.release();
      return null;
    }
    case "upload":
      residents.set(request.resident, { tensor: toOrt(request.value) });
      return null;
    case "load":
      residents.set(request.resident, {
        tensor: new ort.Tensor("float32", readWeight(request.source), [...request.shape]),
      });
      return null;
    case "zeros": {
      const size = request.shape.reduce((a, b) => a * b, 1);
      residents.set(request.resident, { tensor: toOrt({ ...request, data: arrayOf(request.dtype, size) }) });
      return null;
    }
    case "clear":
      for (const id of request.residents) (held(id).tensor.data as HostArray).fill(0);
      return null;
    case "download":
      return toHost(held(request.resident).tensor);
    case "free":
      for (const id of request.residents) residents.delete(id);
      return null;
  }
}

let queue: Promise<void> = Promise.resolve();

parentPort!.on("message", (request: Request) => {
  queue = queue.then(async () => {
    let response: Response;
    try {
      response = { id: request.id, value: await handle(request) };
    } catch (error) {
      response = { id: request.id, error: error instanceof Error ? error.message : String(error) };
    }
    parentPort!.postMessage(response);
  });
});
