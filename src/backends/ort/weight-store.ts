/**
 * Forms of frozen weights on disk, made once for all programs of a backend and mapped by each: what a program would make
 * for itself (a cast, bytes) would be resident once a program. Knows where forms lie, not how they are made.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttuneError } from "../../errors.js";
import type { Shape, WeightSource } from "../../tensor/index.js";
import type { FormRequest, WeightForm } from "./weight-forms.js";

const prefix = "attune-weights-";

/** Removes what processes that were killed left behind. */
function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^attune-weights-(\d+)-/.exec(name)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      // EPERM: alive, and somebody else's.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") continue;
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

export class WeightStore {
  readonly #parent: string;
  #folder: string | undefined;
  readonly #known = new Map<string, string>();
  #missing: FormRequest[] = [];
  readonly #remove = (): void => {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor(parent: string = tmpdir()) {
    this.#parent = parent;
  }

  /** The file of a form, which `take` lists once as missing. */
  file(source: WeightSource, { shape, form }: { shape: Shape; form: WeightForm }): string {
    const key = JSON.stringify([source, shape, form]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#folder ??= this.#make();
    const name = createHash("sha256").update(key).digest("hex").slice(0, 24);
    const file = join(this.#folder, name);
    this.#known.set(key, file);
    this.#missing.push({ source, shape, form, file });
    return file;
  }

  #make(): string {
    try {
      const parent = realpathSync(this.#parent);
      sweep(parent);
      const folder = mkdtempSync(join(parent, `${prefix}${process.pid}-`));
      process.once("exit", this.#remove);
      return folder;
    } catch (error) {
      throw new AttuneError("backend", {
        where: this.#parent,
        expected: "a folder to write the engine's forms of frozen weights to",
        got: error instanceof Error ? error.message : String(error),
        fix: "name another one in the environment variable TMPDIR, or as the backend's `scratch`",
      });
    }
  }

  /** Forms that were asked for and are not made yet; the caller makes them. */
  take(): FormRequest[] {
    const missing = this.#missing;
    this.#missing = [];
    return missing;
  }

  /** Forms that could not be made: they are missing again when asked for. */
  forget(forms: readonly FormRequest[]): void {
    const files = new Set(forms.map(({ file }) => file));
    for (const [key, file] of this.#known) if (files.has(file)) this.#known.delete(key);
  }

  close(): void {
    process.off("exit", this.#remove);
    this.#remove();
    this.#folder = undefined;
  }
}
