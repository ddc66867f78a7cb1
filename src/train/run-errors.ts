/** What goes wrong in the middle of a run, in words that say what is still good. Knows no loop. */
import { AttuneError } from "../errors.js";
import { checkpointName, listCheckpoints } from "./checkpoint.js";

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
