/**
 * What a training method is to the loop: a plain object that says where batches come from and what their loss is.
 * The loop (`fit.ts`) names no method, and a method knows no loop.
 */
import type { LossResult } from "../losses/index.js";
import type { Recompute } from "../models/index.js";
import type { Backend, HostTensor, Resident, Tensor, Tree } from "../tensor/index.js";
import type { BoundModel, Policy } from "./policy.js";

/** Arrays of a batch under the names of its graph's inputs. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** Where batches come from. Any batch can be asked for, so that a run goes on exactly where it stopped. */
export interface BatchSource<B> {
  /** Micro-batches in an epoch. */
  count(epoch: number): number;
  load(at: { epoch: number; index: number }): Promise<B>;
  /**
   * For sources that make an epoch's batches as they go: called before they are counted. "stop": there will be no more,
   * however many steps are left.
   */
  prepare?(epoch: number): Promise<"stop" | void>;
  /** Index behind the last micro-batch of the step that begins here. Default: as many as are accumulated. */
  stepEnd?(at: { epoch: number; index: number }): number;
  /** Examples in all, for the report. */
  readonly examples: number;
}

export interface TraceContext {
  /** The policy with its trainable parameters. */
  readonly policy: BoundModel;
  /** The model as it was before training, when the method asks for it. */
  readonly reference: () => BoundModel;
  readonly recompute: Recompute;
  /** Whether metrics that need the whole vocabulary (entropy, accuracy of tokens) are wanted. */
  readonly detail: boolean;
  /** False in evaluation and in the check of the start. */
  readonly training: boolean;
  /** What the batch before left, by the names of `Trainer.state`, each []. */
  readonly state: Readonly<Record<string, Tensor>>;
}

/** A loss as a graph, for batches of one shape. */
export interface Traced {
  readonly result: LossResult;
  /** Inputs other than parameters; `feeds` names the same. */
  readonly inputs: Tree;
  /** [rows]: 1 for real rows of the loss. */
  readonly rowMask: Tensor;
  /** Further named values that `evaluate` may ask for, e.g. scores by row; not computed in training. */
  readonly values?: Tree;
}

export interface Trainer<B> {
  /** `dpo`, `sft`... */
  readonly name: string;
  readonly policy: Policy;
  readonly train: BatchSource<B>;
  readonly evaluation?: BatchSource<B> | undefined;
  /** Batches with equal keys share a compiled graph. */
  shape(batch: B): string;
  feeds(batch: B): Feeds;
  /** Real rows and trained tokens: what an accumulated step is divided by. */
  counts(batch: B): { rows: number; tokens: number; inputTokens: number };
  /** Names of the examples, for messages. */
  ids(batch: B): readonly string[];
  trace(batch: B, context: TraceContext): Traced;
  /**
   * Scalars that a loss carries from one training batch to the next (running means), and where they start; its result's
   * `state` gives the next ones. Checkpoints keep them.
   */
  readonly state?: Readonly<Record<string, number>>;
  /** What must hold before the first update; see `invariants.ts`. */
  readonly invariants?: readonly StartInvariant<B>[];
  readonly companion?: Companion;
}

/** What goes beside the batches of a method that learns from its own answers: it reads the parameters, and has a state. */
export interface Companion {
  /**
   * Before the first batch. `parameters` are read at every use; `saved` is what `state` gave the checkpoint gone on from,
   * and `step` the updates that it has behind it.
   */
  open(run: {
    backend: Backend;
    parameters: Readonly<Record<string, Resident>>;
    saved: unknown;
    step: number;
    signal: AbortSignal | undefined;
  }): Promise<void>;
  /** JSON-safe: all that a resumed run needs beside parameters and optimiser. */
  state(): unknown;
  /**
   * After an update and before anything is saved: gives further metrics. What it throws ends the run without a checkpoint
   * of this step.
   */
  afterStep(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
  /** Whether all is done, however many steps are left. */
  done(): boolean;
  /** After the last step of a run that was not interrupted, while the parameters are still there. */
  end?(): Promise<void>;
  close(): Promise<void>;
}

/** A statement about the first batch's metrics before any update, e.g. "margins are 0". */
export interface StartInvariant<B = unknown> {
  readonly name: string;
  /** Metric it looks at; `loss` is one. */
  readonly metric: string;
  /** A number, or what the first batch makes of it; undefined where nothing can be said of that batch. */
  readonly expected: number | ExpectedStart<B>;
  /** How it is written, e.g. `ln 2`. */
  readonly formula?: string | undefined;
  /** Largest difference that is rounding. */
  readonly tolerance: number;
  /** What to do when it does not hold. */
  readonly fix: string;
}

export interface ExpectedStart<B> {
  of(batch: B, metrics: Readonly<Record<string, number>>): number | undefined;
}
