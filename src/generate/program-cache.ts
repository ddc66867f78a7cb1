/** Compiled graphs by key, the least recently used of them released beyond a number. Knows nothing of what they compute. */
import type { Backend, CompileOptions, Graph, Program } from "../tensor/index.js";

export class ProgramCache {
  readonly #backend: Backend;
  readonly #most: number;
  readonly #programs = new Map<string, Program>();

  /** @param most programs kept: each holds a session, and with repacked weights a copy of them */
  constructor(backend: Backend, most: number) {
    this.#backend = backend;
    this.#most = most;
  }

  async get(key: string, graph: () => Graph, options: CompileOptions = {}): Promise<Program> {
    const known = this.#programs.get(key);
    if (known) {
      // Maps keep the order of insertion: the first is the one that has been unused the longest.
      this.#programs.delete(key);
      this.#programs.set(key, known);
      return known;
    }
    if (this.#programs.size >= this.#most) {
      const [oldest, program] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      await program.release();
    }
    const program = await this.#backend.compile(graph(), options);
    this.#programs.set(key, program);
    return program;
  }

  async release(): Promise<void> {
    const all = [...this.#programs.values()];
    this.#programs.clear();
    for (const program of all) await program.release();
  }
}
