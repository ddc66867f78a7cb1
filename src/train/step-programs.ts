/**
 * The compiled graphs of a run: loss and gradients for every batch shape that occurs, and loss alone for evaluation.
 * A shape is compiled once; the least recently used are released when there are many. Knows no method by name.
 */
import { metricTotals, type MetricNumbers, reduceLoss } from "../losses/index.js";
import { parameterInputs, type Recompute } from "../models/index.js";
import {
  add,
  type Backend,
  gradTree,
  type HostTensor,
  input,
  type Program,
  type Resident,
  type Tensor,
  type Tree,
} from "../tensor/index.js";
import { dropoutFeeds, dropoutInputs, drops, uploadTables, withDropout } from "./dropout.js";
import type { MetricSums } from "./metrics.js";
import { askedReference, bindPolicy, uploadReference } from "./policy.js";
import { scalar } from "./scalar.js";
import type { Traced, Trainer } from "./trainer.js";

export interface StepOutcome {
  /** This batch's share of the accumulated loss. */
  loss: number;
  metrics: MetricSums;
  /** Asked-for values, in evaluation. */
  values: Record<string, HostTensor>;
}

export interface StepRequest<B> {
  batch: B;
  /** Real rows and tokens of the whole accumulated step. */
  totals: { rows: number; tokens: number };
  /** Entropy and token accuracy too. */
  detail: boolean;
  /** Number of the update, from 1: what dropout draws by. Default 1. */
  step?: number;
}

export interface StepProgramOptions {
  recompute: Recompute;
  /**
   * Graphs held at a time; each keeps the memory of its activations, because the runtime's arenas do not shrink and are
   * not shared. Default 12.
   */
  limit?: number;
}

/** Place of a micro-batch in its step: sums of gradients begin anew with the first. */
export type Turn = "only" | "first" | "next";

/** `sum` adds to the gradients of the micro-batches before: one graph for all of a step's. */
type Kind = "gradient" | "sum" | "evaluate";

interface Compiled {
  program: Program;
  traced: Traced;
  /** It computes the reference too. */
  refers: boolean;
  /** It drops entries of adapters' inputs. */
  drops: boolean;
}

export class StepPrograms<B> {
  readonly #compiled = new Map<string, Compiled>();
  /** The trainer's state, as the last training batch left it. */
  carried: Readonly<Record<string, number>>;
  #kept: Promise<Record<string, Resident>> | undefined;
  #tables: Promise<Record<string, Resident>> | undefined;
  /** Graphs made so far, for the report: a run should make a handful. */
  made = 0;

  constructor(
    readonly trainer: Trainer<B>,
    readonly backend: Backend,
    readonly parameters: Readonly<Record<string, Resident>>,
    readonly gradients: Readonly<Record<string, Resident>>,
    readonly options: StepProgramOptions,
  ) {
    this.carried = { ...trainer.state };
  }

  /** Runs loss and gradients; the only or first micro-batch of a step overwrites the gradients, the next ones add to them. */
  async gradient(request: StepRequest<B>, turn: Turn): Promise<StepOutcome> {
    const kind = turn === "only" ? "gradient" : "sum";
    if (turn === "first") await this.backend.clear(Object.values(this.gradients));
    const compiled = await this.#get(kind, request);
    const feeds = await this.#feeds(request, compiled);
    const into: Record<string, Resident> = {};
    for (const [name, resident] of Object.entries(this.gradients)) {
      into[`grad:${name}`] = resident;
      if (kind === "sum") feeds[`sum:${name}`] = resident;
    }
    const results = await compiled.program.run(feeds, { into });
    const state = Object.keys(this.carried).map(
      (name) => [name, results[`state:${name}`]!.data[0]!] as const,
    );
    this.carried = Object.fromEntries(state);
    return outcome(results, compiled.traced);
  }

  /** Runs the loss alone, with the trace's named values. */
  async evaluate(request: StepRequest<B>): Promise<StepOutcome> {
    const compiled = await this.#get("evaluate", request);
    return outcome(await compiled.program.run(await this.#feeds(request, compiled)), compiled.traced);
  }

  /** Values of `referenceInputs`, put into the backend when they are first asked for. */
  referenceFeeds(): Promise<Record<string, Resident>> {
    return (this.#kept ??= uploadReference(this.trainer.policy, this.backend));
  }

  async release(): Promise<void> {
    for (const { program } of this.#compiled.values()) await program.release();
    this.#compiled.clear();
    for (const kept of [await this.#kept, await this.#tables])
      if (kept) await this.backend.free(Object.values(kept));
    this.#kept = undefined;
    this.#tables = undefined;
  }

  async #dropoutFeeds(step: number): Promise<Record<string, HostTensor | Resident>> {
    const { policy } = this.trainer;
    this.#tables ??= uploadTables(policy, this.backend);
    return { ...dropoutFeeds(policy, step), ...(await this.#tables) };
  }

  async #feeds(
    { batch, totals: { rows, tokens }, step = 1 }: StepRequest<B>,
    { refers, drops: dropping }: Compiled,
  ): Promise<Record<string, HostTensor | Resident>> {
    return {
      ...this.trainer.feeds(batch),
      "total:rows": scalar(rows, this.backend),
      "total:tokens": scalar(tokens, this.backend),
      ...Object.fromEntries(
        Object.entries(this.carried).map(([name, x]) => [`state:${name}`, scalar(x, this.backend)]),
      ),
      ...this.parameters,
      ...(refers ? await this.referenceFeeds() : {}),
      ...(dropping ? await this.#dropoutFeeds(step) : {}),
    };
  }

  async #get(kind: Kind, { batch, detail }: StepRequest<B>): Promise<Compiled> {
    const key = `${kind}|${detail ? "detail" : "plain"}|${this.trainer.shape(batch)}`;
    const known = this.#compiled.get(key);
    if (known) {
      this.#compiled.delete(key);
      this.#compiled.set(key, known);
      return known;
    }
    if (this.#compiled.size >= (this.options.limit ?? 12)) {
      const [oldest, { program }] = this.#compiled.entries().next().value!;
      this.#compiled.delete(oldest);
      await program.release();
    }
    const compiled = await this.#compile(kind, { batch, detail });
    this.#compiled.set(key, compiled);
    this.made++;
    return compiled;
  }

  async #compile(kind: Kind, { batch, detail }: { batch: B; detail: boolean }): Promise<Compiled> {
    const shapes = Object.fromEntries(Object.entries(this.parameters).map(([name, r]) => [name, r.shape]));
    const parameters = parameterInputs(shapes);
    const { policy } = this.trainer;
    const reference = askedReference(policy);
    const state = stateInputs(this.trainer);
    const bound = bindPolicy(policy, parameters);
    const dropout = kind !== "evaluate" && drops(policy) ? dropoutInputs(policy) : undefined;
    const traced = this.trainer.trace(batch, {
      policy: dropout
        ? { ...bound, dropped: (keys) => withDropout(policy, { ...bound, inputs: dropout, keys }) }
        : bound,
      reference: reference.bound,
      recompute: kind === "evaluate" ? "none" : this.options.recompute,
      detail,
      training: kind !== "evaluate",
      state,
    });
    const rows = input("total:rows", []);
    const tokens = input("total:tokens", []);
    const loss = reduceLoss(traced.result, { rowMask: traced.rowMask, rows, tokens });
    const inputs: Record<string, Tree[string]> = {
      ...traced.inputs,
      ...parameters,
      ...reference.inputs(),
      ...dropout,
      ...Object.fromEntries(Object.entries(state).map(([name, t]) => [`state:${name}`, t])),
      "total:rows": rows,
      "total:tokens": tokens,
    };
    const outputs: Record<string, Tree[string]> = { loss };
    for (const [name, { total, weight }] of Object.entries(
      metricTotals(traced.result, { rowMask: traced.rowMask }),
    )) {
      outputs[`total:${name}`] = total;
      outputs[`weight:${name}`] = weight;
    }
    if (kind === "evaluate") {
      for (const [name, t] of Object.entries(traced.values ?? {})) outputs[`value:${name}`] = t;
    } else {
      for (const name of Object.keys(state)) outputs[`state:${name}`] = traced.result.state![name]!;
      for (const [name, g] of Object.entries(gradTree(loss, parameters))) {
        if (kind === "sum") inputs[`sum:${name}`] = input(`sum:${name}`, g.shape);
        outputs[`grad:${name}`] = kind === "sum" ? add(inputs[`sum:${name}`]!, g) : g;
      }
    }
    const program = await this.backend.compile({ inputs, outputs });
    return { program, traced, refers: reference.asked(), drops: dropout !== undefined };
  }
}

/** Graph inputs for what the batch before left. */
const stateInputs = ({ state = {} }: Pick<Trainer<unknown>, "state">): Record<string, Tensor> =>
  Object.fromEntries(Object.keys(state).map((name) => [name, input(`state:${name}`, [])]));

function outcome(results: Readonly<Record<string, HostTensor>>, { result }: Traced): StepOutcome {
  const numbers: Record<string, MetricNumbers> = {};
  for (const name of Object.keys(result.metrics)) {
    numbers[name] = {
      total: results[`total:${name}`]!.data[0]!,
      weight: results[`weight:${name}`]!.data[0]!,
      reduce: result.metricRules?.[name]?.reduce ?? "mean",
    };
  }
  const values = Object.fromEntries(
    Object.entries(results).flatMap(([name, t]) =>
      name.startsWith("value:") ? [[name.slice(6), t] as const] : [],
    ),
  );
  return {
    loss: results["loss"]!.data[0]!,
    metrics: { batches: [numbers], differences: result.metricDifferences ?? {} },
    values,
  };
}
