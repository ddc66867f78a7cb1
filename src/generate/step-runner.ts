/**
 * Runs the two graphs of generation and chooses a token for each row. Knows rows and caches, not when rows come and go.
 */
import type { AdaptedModules, ModelGraph } from "../models/index.js";
import type { Backend, HostTensor, OpAttrs, Placement, Program, Resident } from "../tensor/index.js";
import type { CacheBlock } from "./cache-block.js";
import { type Chooser, chooserOf } from "./choosers.js";
import { ProgramCache } from "./program-cache.js";
import { type ChosenToken, newestIndex, type Sequence } from "./sequence.js";
import { type Choice, stepGraph, type StepGraphOptions } from "./step-graph.js";

/** A model as the engine takes it: frozen weights in its files, the rest given at every run. */
export interface GenerationModel {
  readonly graph: ModelGraph;
  /** Modules whose adapter is on; default: none, the bare model. */
  readonly adapters?: AdaptedModules;
  /**
   * Values of the parameters that are graph inputs (adapters, trained weights), by name. Read at every run, so
   * generation follows training.
   */
  readonly parameters?: Readonly<Record<string, Resident>>;
  /** Ids that end a row when a request names none. Default: `eosTokenIds` of the config. */
  readonly stopTokens?: readonly number[];
}

/** Where time went, in seconds, and how much was done. */
export interface GenerationStats {
  prefillSeconds: number;
  decodeSeconds: number;
  /** Choosing tokens in JavaScript, while the backend waits. */
  chooseSeconds: number;
  /** Copying caches to blocks of another size. */
  resizeSeconds: number;
  /** Making graphs and sessions. */
  compileSeconds: number;
  /** Prompt tokens read, without padding. */
  promptTokens: number;
  /** Tokens decoded after the first of each row. */
  decodedTokens: number;
  decodeSteps: number;
  /** Rows of all decode steps, idle ones among them. */
  decodedSlots: number;
}

export const noStats = (): GenerationStats => ({
  prefillSeconds: 0,
  decodeSeconds: 0,
  chooseSeconds: 0,
  resizeSeconds: 0,
  compileSeconds: 0,
  promptTokens: 0,
  decodedTokens: 0,
  decodeSteps: 0,
  decodedSlots: 0,
});

/** Programs kept of a kind, of a few sizes of prompts, or of rows and room. */
const mostPrograms = 12;
/** Copies of weights that programs of a kind may hold: unpacked bfloat16, or repacked ones. */
const programBytes = 2 ** 31;
/** Most weights that are repacked without being asked to. */
const repackedBytes = 2 ** 30;
/** Longest time that choosing tokens keeps the event loop, in milliseconds. */
const longestTurn = 8;

/** Bytes of the frozen weights that a program copies: all when repacked, else those that are not float32 in their file. */
function copiedBytes({ weights }: ModelGraph, prepack: boolean): number {
  let bytes = 0;
  for (const { node, shape } of weights.values()) {
    if (node.op !== "weight") continue;
    const { storage } = (node.attrs as OpAttrs["weight"]).source;
    if (prepack || storage !== "F32") bytes += 4 * shape.reduce((a, b) => a * b, 1);
  }
  return bytes;
}

const ints = (data: Int32Array, shape: number[]): HostTensor => ({ shape, dtype: "int32", data });

export interface StepOptions {
  readonly choice: Choice;
  /** One graph for one kind of rope; see `CachedOptions`. */
  readonly sequenceLength: number;
}

export class StepRunner {
  readonly backend: Backend;
  readonly model: GenerationModel;
  readonly stats = noStats();
  /** Those that read prompts and those that go on, which copy weights unlike each other. */
  readonly #reading: ProgramCache;
  readonly #going: ProgramCache;
  readonly #prepack: boolean;

  constructor(backend: Backend, model: GenerationModel, { prepack }: { prepack?: boolean }) {
    this.backend = backend;
    this.model = model;
    this.#prepack = prepack ?? copiedBytes(model.graph, true) <= repackedBytes;
    const most = (bytes: number): number =>
      Math.min(mostPrograms, Math.max(2, Math.floor(programBytes / Math.max(1, bytes))));
    this.#reading = new ProgramCache(backend, most(copiedBytes(model.graph, false)));
    this.#going = new ProgramCache(backend, most(copiedBytes(model.graph, this.#prepack)));
  }

  get config() {
    return this.model.graph.config;
  }

  /** For `resizeBlock`. */
  readonly program: (key: string, graph: Parameters<ProgramCache["get"]>[1]) => Promise<Program> = (
    key,
    graph,
  ) => this.#timed("compileSeconds", () => this.#reading.get(key, graph));

  /** Reads prompts, right-padded, each into the slots of its rows; gives a way to choose the first token of any row. */
  async prefill(cache: CacheBlock, groups: readonly SlotGroup[], options: PrefillOptions): Promise<Chooser> {
    const { rows, length, choice, sequenceLength } = options;
    const ids = new Int32Array(rows * length);
    const positions = new Int32Array(rows * length);
    const last = new Int32Array(rows);
    const temperatures = new Float64Array(rows);
    const index = new PlacementList();
    groups.forEach(({ prompt, temperature, slots }, row) => {
      ids.set(prompt, row * length);
      for (let t = 0; t < prompt.length; t++) positions[row * length + t] = t;
      last[row] = prompt.length - 1;
      temperatures[row] = temperature;
      for (const slot of slots) index.add({ from: row, to: slot, at: 0, count: prompt.length });
      this.stats.promptTokens += prompt.length;
    });
    const tokens = {
      inputIds: ints(ids, [rows, length]),
      positions: ints(positions, [rows, length]),
      last: ints(last, [rows]),
    };
    const size = { rows, steps: length, capacity: null, choice, sequenceLength };
    return this.#step({ size, cache, tokens, temperatures, index, seconds: "prefillSeconds" });
  }

  /** One more token for each row of the block; `slots` has undefined where a row is idle. */
  async decode(
    cache: CacheBlock,
    slots: readonly (Sequence | undefined)[],
    { choice, sequenceLength }: StepOptions,
  ): Promise<Chooser> {
    const { rows, capacity } = cache;
    const ids = new Int32Array(rows);
    const last = new Int32Array(rows);
    const temperatures = new Float64Array(rows).fill(1);
    const index = new PlacementList();
    slots.forEach((sequence, row) => {
      if (!sequence) return;
      ids[row] = sequence.newest;
      last[row] = newestIndex(sequence);
      temperatures[row] = sequence.sampling.temperature;
      index.add({ from: row, to: row, at: last[row]!, count: 1 });
    });
    const tokens = {
      inputIds: ints(ids, [rows, 1]),
      positions: ints(last, [rows, 1]),
      last: ints(last, [rows]),
    };
    this.stats.decodeSteps++;
    this.stats.decodedSlots += rows;
    const size = { rows, steps: 1, capacity, choice, sequenceLength };
    return this.#step({ size, cache, tokens, temperatures, index, seconds: "decodeSeconds" });
  }

  async release(): Promise<void> {
    await this.#reading.release();
    await this.#going.release();
  }

  /** Chooses for many rows without holding the event loop for long. */
  async choose(
    list: readonly { chooser: Chooser; row: number; sequence: Sequence }[],
  ): Promise<ChosenToken[]> {
    return this.#timed("chooseSeconds", async () => {
      const chosen: ChosenToken[] = [];
      let began = performance.now();
      for (const { chooser, row, sequence } of list) {
        chosen.push(chooser(row, sequence));
        if (performance.now() - began < longestTurn) continue;
        await new Promise((resolve) => setImmediate(resolve));
        began = performance.now();
      }
      return chosen;
    });
  }

  async timeResizing<T>(work: () => Promise<T>): Promise<T> {
    return this.#timed("resizeSeconds", work);
  }

  async #step({ size, cache, tokens, temperatures, index, seconds }: StepRun): Promise<Chooser> {
    const { graph, adapters, parameters } = this.model;
    const reads = size.capacity === null;
    const program = await this.#timed("compileSeconds", () =>
      (reads ? this.#reading : this.#going).get(
        stepKey(size),
        () => stepGraph(graph, { ...size, ...(adapters && { adapters }) }),
        // Repacked weights serve products of few rows; prompts have many.
        { prepack: this.#prepack && !reads },
      ),
    );
    const inverse = Float32Array.from({ length: size.rows }, (_, row) => 1 / (temperatures[row] || 1));
    const feeds: Record<string, HostTensor | Resident> = { ...tokens, ...parameters };
    if (size.capacity !== null) Object.assign(feeds, cache.residents);
    if (size.choice !== "greedy") {
      feeds["inverseTemperature"] = { shape: [size.rows, 1], dtype: "float32", data: inverse };
    }
    const where = index.arrays();
    const place: Record<string, Placement> = {};
    for (const [name, resident] of Object.entries(cache.residents)) place[name] = { resident, ...where };
    const out = await this.#timed(seconds, () => program.run(feeds, { place }));
    return chooserOf(size.choice, out);
  }

  async #timed<T>(name: keyof GenerationStats, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.stats[name] += (performance.now() - began) / 1000;
    }
  }
}

interface PrefillOptions extends StepOptions {
  rows: number;
  length: number;
}

/** A prompt, and the slots of the rows that begin with it and draw at one temperature. */
export interface SlotGroup {
  readonly prompt: readonly number[];
  readonly temperature: number;
  readonly slots: readonly number[];
}

interface StepRun {
  size: StepGraphOptions;
  cache: CacheBlock;
  tokens: Readonly<Record<string, HostTensor>>;
  temperatures: ArrayLike<number>;
  index: PlacementList;
  seconds: keyof GenerationStats;
}

/** Collects where new entries go. */
class PlacementList {
  readonly #list: { from: number; to: number; at: number; count: number }[] = [];

  add(entry: { from: number; to: number; at: number; count: number }): void {
    this.#list.push(entry);
  }

  arrays(): Omit<Placement, "resident"> {
    const of = (key: "from" | "to" | "at" | "count") => Int32Array.from(this.#list, (entry) => entry[key]);
    return { from: of("from"), to: of("to"), at: of("at"), count: of("count") };
  }
}

const stepKey = ({ rows, steps, capacity, choice, sequenceLength }: StepGraphOptions): string =>
  JSON.stringify(["step", rows, steps, capacity, choice, sequenceLength]);
