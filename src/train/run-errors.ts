/** What goes wrong in the middle of a run, in words that say what is still good. Knows no loop. */
import { join } from "node:path";
import { AttuneError } from "../errors.js";
import { checkpointName, lastSound, listCheckpoints } from "./checkpoint.js";

/** A full disk in the middle of a run: nothing half-written is left, and the checkpoint before is still good. */
export function notSaved(
  error: unknown,
  { output, step, kept }: { output: string; step: number; kept: number | undefined },
): unknown {
  if (!(error instanceof AttuneError) || error.code !== "io") return error;
  const goOn = kept === undefined ? "" : `; then resume from ${checkpointName(kept)}, which is whole`;
  return new AttuneError("io", {
    where: `${output}/${checkpointName(step)}`,
    expected: "a checkpoint that can be written",
    got: error.got,
    fix: `${error.fix ?? "look at the disk and the folder"}${goOn}`,
    cause: error,
  });
}

/** NaN or infinity where a step's numbers should be; `ids` are the rows of the step. */
export function numericError(o: {
  ids: readonly string[];
  number: number;
  what: string;
  output: string | undefined;
}): AttuneError {
  const { ids } = o;
  const newest = o.output === undefined ? undefined : listCheckpoints(o.output).at(-1);
  const last =
    newest === undefined
      ? "no checkpoint was written yet"
      : `the last good checkpoint is ${checkpointName(newest)}`;
  return new AttuneError("numeric", {
    where: `step ${o.number}, rows ${ids.slice(0, 8).join(", ")}${ids.length > 8 ? ", ..." : ""}`,
    expected: "finite numbers",
    got: o.what,
    fix: `lower the learning rate or look at these rows; ${last}`,
  });
}

/** What a method says of its own answers while it runs; the checks before the first step are over by then. */
export const isCollapse = (error: unknown): error is AttuneError =>
  error instanceof AttuneError && error.code === "invariant";

/** A policy that collapsed, with the newest checkpoint from before: later ones may have the collapse in them. */
export function collapsed(
  error: unknown,
  { output, sound }: { output: string | undefined; sound: number | undefined },
): unknown {
  if (!isCollapse(error)) return error;
  const { where, expected, got, fix } = error;
  const good = output === undefined ? undefined : lastSound(output, sound);
  const from =
    good === undefined
      ? "no checkpoint of a good policy was written: begin again from the start"
      : `the last good policy is that of step ${good}: begin a run with --model ${join(output!, checkpointName(good), "model")}`;
  return new AttuneError("invariant", { where, expected, got, fix: `${from}, with ${fix}`, cause: error });
}
