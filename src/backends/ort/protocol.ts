/** What the engine's client and its thread say to each other. Types only. */
import type { PlacementIndex } from "../placement.js";
import type { DType, HostTensor, Shape, WeightSource } from "../../tensor/index.js";
import type { FormRequest } from "./weight-forms.js";

export interface EngineSettings {
  /** Threads inside one op. */
  threads: number;
  /** Prefix of the runtime's profile files; undefined: no profiling. */
  profile?: string | undefined;
}

export type Command =
  | { kind: "convert"; forms: FormRequest[] }
  | {
      kind: "compile";
      program: number;
      model: Uint8Array;
      folder: string | undefined;
      prepack: boolean;
      optimise?: "disabled" | "basic" | "extended" | "all";
    }
  | {
      kind: "run";
      program: number;
      /** Values, or ids of residents. */
      feeds: Record<string, HostTensor | number>;
      outputs: string[];
      into: Record<string, number>;
      /** Outputs written into parts of residents, by id. */
      place: Record<string, PlacementIndex & { resident: number }>;
    }
  | { kind: "release"; program: number }
  | { kind: "upload"; resident: number; value: HostTensor }
  | { kind: "load"; resident: number; source: WeightSource; shape: Shape }
  | { kind: "zeros"; resident: number; dtype: DType; shape: Shape }
  | { kind: "clear"; residents: number[] }
  | { kind: "download"; resident: number }
  | { kind: "free"; residents: number[] };

export type Request = Command & { id: number };

export interface Response {
  id: number;
  value?: unknown;
  error?: string;
}
