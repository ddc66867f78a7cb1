/**
 * Checkpoints: everything a run needs to go on as if it had never stopped. A folder `checkpoint-N` with
 * `parameters.safetensors`, `optimizer.safetensors` (float32, exact), `state.json`, and `manifest.json` with the hash of each
 * file. It appears whole or not at all, and is verified before it is used.
 */
import { readdirSync, readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { AttuneError } from "../errors.js";
import { openSafetensors, readTensor, writeSafetensors } from "../models/index.js";
import type { Backend, Resident } from "../tensor/index.js";
import { sha256File, writeFolderAtomic, writeJsonAtomic } from "../util/files.js";

/** Where a run stands. Plain JSON. */
export interface RunState {
  /** Optimiser updates done. */
  step: number;
  epoch: number;
  /** Next micro-batch of the epoch. */
  index: number;
  /** Tokens of input seen. */
  tokens: number;
  /** Best value so far of the metric that chooses checkpoints. */
  best: { metric: string; value: number; step: number } | null;
  /** Evaluations in a row without a better value. */
  withoutGain: number;
  /** What the loss carries from batch to batch, for losses that do. */
  carried?: Readonly<Record<string, number>>;
  /** State of the trainer's companion. JSON-safe. */
  companion?: unknown;
  /** Updates behind the newest policy whose own answers were looked at and not found collapsed. */
  sound?: number;
}

export interface CheckpointParts {
  parameters: Readonly<Record<string, Resident>>;
  optimizer: Readonly<Record<string, Resident>>;
}

interface Manifest {
  format: 1;
  /** What the run trains on and with; a checkpoint of another run is refused. */
  fingerprint: Record<string, string>;
  files: Record<string, string>;
}

/** What `readCheckpoint` reads; the folder `model` beside them is for whoever uses the result. */
const files = { parameters: "parameters.safetensors", optimizer: "optimizer.safetensors" } as const;

export const checkpointName = (step: number): string => `checkpoint-${step}`;

/** Steps of the checkpoints in a run's folder, ascending. */
export function listCheckpoints(output: string): number[] {
  let names: string[];
  try {
    names = readdirSync(output);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export interface WriteCheckpointOptions {
  backend: Backend;
  state: RunState;
  fingerprint: Record<string, string>;
  /** Writes the model itself (adapter or folder) into a subfolder of the checkpoint. */
  saveModel: (path: string) => Promise<void>;
}

export async function writeCheckpoint(
  output: string,
  parts: CheckpointParts,
  o: WriteCheckpointOptions,
): Promise<string> {
  const path = join(output, checkpointName(o.state.step));
  const fill = async (folder: string): Promise<void> => {
    for (const [part, file] of Object.entries(files) as ["parameters" | "optimizer", string][]) {
      const list = Object.entries(parts[part]).map(([name, r]) => ({
        name,
        shape: r.shape,
        dtype: "F32" as const,
        data: () => valueOf(r, o.backend),
      }));
      await writeSafetensors(join(folder, file), list);
    }
    await writeJsonAtomic(join(folder, "state.json"), o.state);
    await o.saveModel(join(folder, "model"));
    const hashes: Record<string, string> = {};
    for (const file of await filesUnder(folder)) hashes[file] = await sha256File(join(folder, file));
    const manifest: Manifest = { format: 1, fingerprint: o.fingerprint, files: hashes };
    await writeJsonAtomic(join(folder, "manifest.json"), manifest);
  };
  await removeLeftovers(output);
  // A run that resumed from an earlier checkpoint writes the later ones again.
  await writeFolderAtomic(path, fill, { replace: true });
  return path;
}

/** A resident's value when its turn comes to be written: one tensor at a time is in JavaScript. */
async function* valueOf(r: Resident, backend: Backend): AsyncGenerator<Float32Array> {
  yield Float32Array.from((await backend.download(r)).data);
}

/** Paths relative to `folder`, with `/`, in the order of their names. */
async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const names = entries.flatMap((e) =>
    e.isFile() ? [relative(folder, join(e.parentPath, e.name)).split(sep).join("/")] : [],
  );
  return names.sort();
}

/** A run that was killed while it wrote leaves an unfinished folder behind. */
async function removeLeftovers(output: string): Promise<void> {
  const names = await readdir(output).catch(() => []);
  for (const name of names) {
    if (/^\.checkpoint-\d+\.partial-/.test(name))
      await rm(join(output, name), { recursive: true, force: true });
  }
}

/** Reads a checkpoint into the residents given. Throws `checkpoint` when it is damaged or belongs to another run. */
export async function readCheckpoint(
  path: string,
  parts: CheckpointParts,
  { backend, fingerprint }: { backend: Backend; fingerprint: Record<string, string> },
): Promise<RunState> {
  const manifest = readManifest(path);
  for (const [name, expected] of Object.entries(fingerprint)) {
    const got = manifest.fingerprint[name];
    if (got === expected) continue;
    throw new AttuneError("checkpoint", {
      where: `${path}: ${name}`,
      expected: `a checkpoint of this run (${expected})`,
      got: got ?? "none",
      fix: "resume with the same model, data and settings, or start a new run in another folder",
    });
  }
  for (const [file, expected] of Object.entries(manifest.files)) {
    const got = await hashOf(join(path, file));
    if (got !== expected) {
      throw new AttuneError("checkpoint", {
        where: join(path, file),
        expected: `the bytes that were written (sha256 ${expected.slice(0, 16)})`,
        got: got.slice(0, 16),
        fix: "the checkpoint is damaged: remove it, and resume from the one before",
      });
    }
  }
  for (const [part, file] of Object.entries(files) as ["parameters" | "optimizer", string][]) {
    await restore(join(path, file), parts[part], backend);
  }
  return readJson<RunState>(path, "state.json");
}

function readManifest(path: string): Manifest {
  const {
    format,
    fingerprint,
    files: hashes,
  } = readJson<Partial<Manifest> | null>(path, "manifest.json") ?? {};
  const complete =
    format === 1 &&
    fingerprint &&
    hashes &&
    [...Object.values(files), "state.json"].every((file) => file in hashes);
  if (complete) return { format, fingerprint, files: hashes };
  throw new AttuneError("checkpoint", {
    where: join(path, "manifest.json"),
    expected: "format 1, with the hash of every file",
    got: format === 1 ? "an incomplete list" : `format ${String(format)}`,
    fix: "the checkpoint is damaged: remove it, and resume from the one before",
  });
}

async function hashOf(file: string): Promise<string> {
  try {
    return await sha256File(file);
  } catch {
    return "no readable file";
  }
}

async function restore(
  path: string,
  residents: Readonly<Record<string, Resident>>,
  backend: Backend,
): Promise<void> {
  const { tensors } = openSafetensors(path);
  for (const [name, r] of Object.entries(residents)) {
    const entry = tensors.get(name);
    if (!entry || entry.shape.join() !== r.shape.join()) {
      throw new AttuneError("checkpoint", {
        where: `${path}: ${name}`,
        expected: `[${r.shape.join(", ")}]`,
        got: entry ? `[${entry.shape.join(", ")}]` : "no such tensor",
        fix: "the checkpoint belongs to another model or another optimiser",
      });
    }
    await backend.write(r, { shape: r.shape, dtype: "float32", data: readTensor(entry) });
  }
}

function readJson<T>(path: string, file: string): T {
  try {
    return JSON.parse(readFileSync(join(path, file), "utf8")) as T;
  } catch (cause) {
    throw new AttuneError("checkpoint", {
      where: join(path, file),
      expected: "a complete checkpoint",
      got: cause instanceof Error ? cause.message : String(cause),
      fix: "resume from an earlier checkpoint",
      cause,
    });
  }
}

/** The newest checkpoint of a policy that is known to be good: one with no more updates than `sound`. */
export const lastSound = (output: string, sound = -1): number | undefined =>
  listCheckpoints(output).findLast((step) => step <= sound);

/** Removes all but the newest `keep` checkpoints, the best one and the last sound one. */
export async function pruneCheckpoints(
  output: string,
  { keep, state }: { keep: number; state: Pick<RunState, "best" | "sound"> },
): Promise<void> {
  const spared = [state.best?.step, lastSound(output, state.sound)];
  const steps = listCheckpoints(output).filter((step) => !spared.includes(step));
  for (const step of steps.slice(0, Math.max(0, steps.length - keep))) {
    await rm(join(output, checkpointName(step)), { recursive: true, force: true });
  }
}
