/** A backend that counts what it holds: every resident and program that is made and not yet given back. */
import type { Backend, Program, Resident } from "../../src/tensor/index.js";

export interface Held {
  backend: Backend;
  residents: ReadonlySet<number>;
  programs: () => number;
  /** Programs made in all. */
  compiled: () => number;
}

export function counting(inner: Backend): Held {
  const residents = new Set<number>();
  let programs = 0;
  let compiled = 0;
  const kept = async (made: Promise<Resident>): Promise<Resident> => {
    const r = await made;
    residents.add(r.id);
    return r;
  };
  const backend: Backend = {
    ...inner,
    upload: (value) => kept(inner.upload(value)),
    load: (source, shape) => kept(inner.load(source, shape)),
    zeros: (type) => kept(inner.zeros(type)),
    free: async (list) => {
      await inner.free(list);
      for (const { id } of list) residents.delete(id);
    },
    compile: async (graph, options): Promise<Program> => {
      const program = await inner.compile(graph, options);
      programs++;
      compiled++;
      return {
        ...program,
        release: async () => {
          await program.release();
          programs--;
        },
      };
    },
  };
  return { backend, residents, programs: () => programs, compiled: () => compiled };
}
