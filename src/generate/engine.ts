/**
 * Continuous batching: rows of many requests share one block of caches; a row that ends makes room for one that waits,
 * and the block shrinks when few are left. Knows when rows come and go, not how a step is computed.
 */
import { AttuneError } from "../errors.js";
import type { ModelConfig } from "../models/index.js";
import { capacityBucket, rowBucket } from "./buckets.js";
import {
  type BlockSize,
  type CacheBlock,
  copyRows,
  emptyBlock,
  freeBlock,
  resizeBlock,
  rowBytes,
} from "./cache-block.js";
import type { Chooser } from "./choosers.js";
import type { EngineSettings } from "./options.js";
import { chunkLength, promptChunks } from "./prompt-chunks.js";
import { advance, newestIndex, roomNeeded, type Sequence } from "./sequence.js";
import type { Choice } from "./step-graph.js";
import type { StepRunner } from "./step-runner.js";

/** Prompts that are read before there is room for their rows, as a share of all rows: several at a time are read faster. */
const aheadShare = 1 / 2;
/** With so many rows attention costs enough, and it reads all the room there is, that room grows as it is needed. */
const rowsWorthGrowing = 16;
/** Tokens that room grows by, before rounding. */
const stretch = 64;
/** A block shrinks to this share of its rows or less: every size is a program to make. */
const shrunkShare = 1 / 4;
/** It shrinks for at least so many more steps, else making the smaller program costs more than it saves. */
const stepsWorthShrinking = 16;

interface Block {
  cache: CacheBlock;
  slots: (Sequence | undefined)[];
  sequenceLength: number;
}

export class Engine {
  readonly #runner: StepRunner;
  readonly #settings: EngineSettings;
  #waiting: Sequence[] = [];
  #block: Block | undefined;
  /** Rows whose prompts were read, which wait for a slot. */
  #ahead: Block | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(runner: StepRunner, settings: EngineSettings) {
    this.#runner = runner;
    this.#settings = settings;
  }

  /** Rows join as soon as there is room; everything they say comes through their events. */
  submit(sequences: readonly Sequence[]): void {
    this.#waiting.push(...sequences);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0 && !this.#closed) this.submit([]);
    });
  }

  /** Ends every row with an error, waits for the step that is running, frees the caches. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Requests made in one turn of the event loop start together.
    await new Promise((resolve) => setImmediate(resolve));
    try {
      while (!this.#closed && this.#dropCancelled()) {
        await this.#seat();
        await this.#admit();
        if (!this.#block) continue;
        await this.#shrink();
        await this.#decode();
      }
      if (this.#closed) this.#failAll(closedError());
    } catch (error) {
      this.#failAll(error as Error);
    } finally {
      for (const block of [this.#block, this.#ahead])
        if (block) await freeBlock(this.#runner, block.cache).catch(() => undefined);
      this.#block = undefined;
      this.#ahead = undefined;
    }
  }

  get #active(): Sequence[] {
    return sequencesOf(this.#block);
  }

  /** True while there is something to do. */
  #dropCancelled(): boolean {
    const now = performance.now();
    for (const sequence of [...this.#waiting, ...this.#active, ...sequencesOf(this.#ahead)]) {
      if (sequence.cancelled || now < sequence.deadline) continue;
      sequence.cancelled = true;
      sequence.onTimeOver();
    }
    this.#waiting = this.#waiting.filter(({ cancelled }) => !cancelled);
    for (const { slots } of [this.#block, this.#ahead].filter((block) => block !== undefined)) {
      slots.forEach((sequence, i) => {
        if (sequence?.cancelled) slots[i] = undefined;
      });
    }
    return this.#waiting.length + this.#active.length + sequencesOf(this.#ahead).length > 0;
  }

  #failAll(error: Error): void {
    const all = [...this.#waiting, ...this.#active, ...sequencesOf(this.#ahead)];
    this.#waiting = [];
    this.#block?.slots.fill(undefined);
    this.#ahead?.slots.fill(undefined);
    for (const sequence of all) sequence.onError(error);
  }

  /** Rows that were read ahead take the slots that are free. */
  async #seat(): Promise<void> {
    const ahead = this.#ahead;
    const active = this.#active;
    const ready = (ahead?.slots ?? []).flatMap((sequence, from) => (sequence ? [{ sequence, from }] : []));
    const going = ready.slice(0, this.#settings.maxRows - active.length);
    if (!ahead || going.length === 0) return;
    const joining = going.map(({ sequence }) => sequence);
    const { cache, slots } = await this.#fit([...active, ...joining], ahead.sequenceLength);
    const free = slots.flatMap((sequence, slot) => (sequence ? [] : [slot]));
    const moves = going.map(({ sequence, from }, i) => ({
      from,
      to: free[i]!,
      count: sequence.prompt.length,
    }));
    await this.#runner.timeResizing(() =>
      copyRows(this.#runner, { source: ahead.cache, target: cache }, moves),
    );
    for (const [i, { from, to }] of moves.entries()) {
      slots[to] = joining[i];
      ahead.slots[from] = undefined;
    }
  }

  async #admit(): Promise<void> {
    const active = this.#active;
    if (this.#waiting.length === 0 || sequencesOf(this.#ahead).length > 0) return;
    const joining = this.#choose(active);
    if (joining.length === 0) return;
    const more = joining.length < this.#waiting.length && active.length > 0 ? this.#chooseAhead() : [];
    if (more.length > joining.length) return this.#readAhead(more);
    this.#take(joining);
    try {
      const block = await this.#fit([...active, ...joining], ropeLength(this.#runner.config, joining[0]!));
      await this.#read(block, joining);
    } catch (error) {
      for (const sequence of joining) sequence.onError(error as Error);
      throw error;
    }
  }

  #take(sequences: readonly Sequence[]): void {
    const taken = new Set(sequences);
    this.#waiting = this.#waiting.filter((sequence) => !taken.has(sequence));
  }

  /** Rows that are next, of the kind of rope that the block has, as many as memory holds in a block of their own. */
  #chooseAhead(): Sequence[] {
    const { config } = this.#runner;
    const { maxRows, maxCacheBytes } = this.#settings;
    const { cache, sequenceLength } = this.#block!;
    const next = this.#waiting.slice(0, Math.ceil(maxRows * aheadShare));
    const other = next.findIndex((sequence) => ropeLength(config, sequence) !== sequenceLength);
    const list = other === -1 ? next : next.slice(0, other);
    const room = Math.max(cache.capacity, ...list.map((sequence) => capacityBucket(roomNeeded(sequence))));
    const ahead = aheadSize(list, maxRows);
    const bytes = rowBytes(config, room) * maxRows + rowBytes(config, ahead.capacity) * ahead.rows;
    return bytes <= maxCacheBytes ? list : [];
  }

  async #readAhead(sequences: readonly Sequence[]): Promise<void> {
    const { sequenceLength } = this.#block!;
    const size = aheadSize(sequences, this.#settings.maxRows);
    const old = this.#ahead;
    this.#take(sequences);
    try {
      if (old && (old.cache.rows !== size.rows || old.cache.capacity !== size.capacity)) {
        this.#ahead = undefined;
        await freeBlock(this.#runner, old.cache);
      }
      this.#ahead ??= {
        cache: await emptyBlock(this.#runner, size),
        slots: Array.from({ length: size.rows }, () => undefined),
        sequenceLength,
      };
      this.#ahead.sequenceLength = sequenceLength;
      await this.#read(this.#ahead, sequences);
    } catch (error) {
      for (const sequence of sequences) sequence.onError(error as Error);
      throw error;
    }
    await this.#seat();
  }

  /** Waiting rows, first come first served, that fit beside the active ones in number, memory and kind of rope. */
  #choose(active: readonly Sequence[]): Sequence[] {
    const { config } = this.#runner;
    const { maxRows, maxCacheBytes } = this.#settings;
    const kind = this.#block && active.length > 0 ? this.#block.sequenceLength : undefined;
    const joining: Sequence[] = [];
    let room = active.length > 0 ? this.#block!.cache.capacity : 0;
    for (const sequence of this.#waiting) {
      const rows = active.length + joining.length + 1;
      const wanted = kind ?? ropeLength(config, joining[0] ?? sequence);
      const needed = Math.max(room, capacityBucket(roomNeeded(sequence)));
      const bytes = rowBytes(config, needed) * rowBucket(rows, maxRows);
      if (rows > maxRows || bytes > maxCacheBytes || ropeLength(config, sequence) !== wanted) break;
      joining.push(sequence);
      room = needed;
    }
    if (joining.length === 0 && active.length === 0) this.#refuse(this.#waiting.shift()!);
    return joining;
  }

  #refuse(sequence: Sequence): void {
    const bytes = rowBytes(this.#runner.config, capacityBucket(roomNeeded(sequence)));
    const error = new AttuneError("memory", {
      where: "generate: maxCacheBytes",
      expected: `room for one row's keys and values, ${bytes} bytes`,
      got: String(this.#settings.maxCacheBytes),
      fix: "raise maxCacheBytes, or ask for fewer new tokens",
    });
    sequence.onError(error);
  }

  /** Reads the prompts of new rows, each once, in runs of like length; chooses the first token of every row. */
  async #read(block: Block, joining: readonly Sequence[]): Promise<void> {
    const { maxRows, prefillTokens } = this.#settings;
    const { cache, slots, sequenceLength } = block;
    const free = slots.flatMap((sequence, slot) => (sequence ? [] : [slot]));
    for (const chunk of promptChunks(joining, { prefillTokens, maxRows })) {
      const groups = chunk.map((rows) => ({
        prompt: rows[0]!.prompt,
        temperature: rows[0]!.sampling.temperature,
        slots: rows.map(() => free.shift()!),
      }));
      const chooser = await this.#runner.prefill(cache, groups, {
        rows: rowBucket(chunk.length, maxRows),
        length: chunkLength(chunk),
        choice: choiceOf(joining),
        sequenceLength,
      });
      const readers = chunk.flatMap((rows, row) =>
        rows.map((sequence, i) => ({ sequence, row, chooser, slot: groups[row]!.slots[i]! })),
      );
      for (const { sequence, slot } of await this.#say(readers)) slots[slot] = sequence;
    }
  }

  /** Chooses and hands out a token for each; gives those that go on. */
  async #say<T extends { sequence: Sequence; row: number; chooser: Chooser }>(
    list: readonly T[],
  ): Promise<T[]> {
    const chosen = await this.#runner.choose(list);
    return list.filter(({ sequence }, i) => !sequence.cancelled && advance(sequence, chosen[i]!));
  }

  /**
   * A block with slots and room for all of these rows, the active ones kept: as small as they allow when it is new or
   * asked to `shrink`.
   */
  async #fit(
    sequences: readonly Sequence[],
    sequenceLength: number,
    { shrink = false }: { shrink?: boolean } = {},
  ): Promise<Block> {
    const old = this.#block;
    const kept = (old?.slots ?? []).flatMap((sequence, row) => (sequence ? [{ sequence, row }] : []));
    const keep = old !== undefined && kept.length > 0;
    const size = wantedSize(sequences, this.#settings.maxRows);
    const rows = keep && !shrink ? Math.max(size.rows, old.cache.rows) : size.rows;
    const capacity = keep ? Math.max(size.capacity, old.cache.capacity) : size.capacity;
    if (keep && rows === old.cache.rows && capacity === old.cache.capacity) return old;
    if (old && !keep) {
      this.#block = undefined;
      await freeBlock(this.#runner, old.cache);
    }
    const cache = await this.#runner.timeResizing(() =>
      keep
        ? resizeBlock(this.#runner, old.cache, { rows, capacity, index: kept.map(({ row }) => row) })
        : emptyBlock(this.#runner, { rows, capacity }),
    );
    const slots = Array.from({ length: rows }, (_, i) => kept[i]?.sequence);
    this.#block = { cache, slots, sequenceLength };
    return this.#block;
  }

  /**
   * Moves the last rows to a smaller block when most slots are idle and nobody waits for them. Sizes follow from the rows alone,
   * whatever is compiled: they decide how sums are rounded, and a run that is resumed has to come by the same numbers.
   */
  async #shrink(): Promise<void> {
    const { cache, sequenceLength } = this.#block!;
    const active = this.#active;
    if (active.length === 0 || this.#waiting.length + sequencesOf(this.#ahead).length > 0) return;
    const rows = rowBucket(active.length, this.#settings.maxRows);
    const steps = Math.max(...active.map(({ limit, produced }) => limit - produced));
    if (rows > cache.rows * shrunkShare || steps < stepsWorthShrinking) return;
    await this.#fit(active, sequenceLength, { shrink: true });
  }

  async #decode(): Promise<void> {
    const active = this.#active;
    if (active.length === 0) return;
    const full = active.some((sequence) => newestIndex(sequence) >= this.#block!.cache.capacity);
    if (full) await this.#fit(active, this.#block!.sequenceLength);
    const { cache, slots, sequenceLength } = this.#block!;
    const chooser = await this.#runner.decode(cache, slots, { choice: choiceOf(active), sequenceLength });
    const readers = slots.flatMap((sequence, row) => (sequence ? [{ sequence, row, chooser }] : []));
    this.#runner.stats.decodedTokens += readers.length;
    const going = new Set((await this.#say(readers)).map(({ row }) => row));
    for (const { row } of readers) if (!going.has(row)) slots[row] = undefined;
  }
}

const sequencesOf = (block: Block | undefined): Sequence[] =>
  block?.slots.filter((sequence) => sequence !== undefined) ?? [];

/** A block that holds the prompts alone. */
const aheadSize = (sequences: readonly Sequence[], maxRows: number): BlockSize => ({
  rows: rowBucket(sequences.length, maxRows),
  capacity: capacityBucket(sequences.reduce((most, { prompt }) => Math.max(most, prompt.length), 1)),
});

/** Rows, and room for what they are sure to need: all of it for few rows, the next stretch for many. */
function wantedSize(sequences: readonly Sequence[], maxRows: number): BlockSize {
  const rows = rowBucket(sequences.length, maxRows);
  const needed = sequences.map((sequence) => {
    const whole = roomNeeded(sequence);
    return rows < rowsWorthGrowing ? whole : Math.min(whole, newestIndex(sequence) + 1 + stretch);
  });
  const most = capacityBucket(needed.reduce((a, b) => Math.max(a, b), 1));
  return { rows, capacity: most };
}

const closedError = (): AttuneError =>
  new AttuneError("interrupted", {
    where: "generate",
    expected: "an open generator",
    got: "one that was closed",
  });

function choiceOf(sequences: readonly Sequence[]): Choice {
  if (sequences.some(({ rules }) => rules !== undefined)) return "rules";
  return sequences.some(({ sampling }) => sampling.temperature > 0) ? "sample" : "greedy";
}

/**
 * Ropes that stretch beyond a length (longrope) have one table up to it and one beyond. A row takes the one of its
 * longest possible length from its first token on, so that its cache is of one kind. 0 where there is no such rope.
 */
function ropeLength({ layers, maxPositions }: ModelConfig, { prompt, limit }: Sequence): number {
  const turns = layers.flatMap(({ rope }) =>
    rope?.scaling.type === "longrope" ? [rope.scaling.originalMaxPositions] : [],
  );
  if (turns.length === 0) return 0;
  const turn = Math.min(...turns);
  return prompt.length + limit <= turn ? turn : maxPositions;
}
