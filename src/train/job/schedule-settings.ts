/** Which settings of `lr_scheduler_kwargs` each schedule reads, and that no other is given. Knows no formula. */
import { AttuneError } from "../../errors.js";
import type { ScheduleName, ScheduleSettings } from "../../optim/index.js";
import { nearestName } from "../../util/nearest-name.js";

type Key = keyof ScheduleSettings;

const reads: Readonly<Record<ScheduleName, readonly Key[]>> = {
  constant: [],
  constant_with_warmup: [],
  linear: [],
  cosine: ["num_cycles"],
  cosine_with_restarts: ["num_cycles"],
  cosine_with_min_lr: ["num_cycles", "min_lr", "min_lr_rate"],
  cosine_warmup_with_min_lr: ["num_cycles", "min_lr", "min_lr_rate", "warmup_lr_rate"],
  polynomial: ["lr_end", "power"],
  inverse_sqrt: ["timescale"],
  warmup_stable_decay: [
    "num_decay_steps",
    "num_stable_steps",
    "warmup_type",
    "decay_type",
    "min_lr_ratio",
    "num_cycles",
  ],
};

/** Settings that are words; all others are numbers. */
const words: ReadonlySet<Key> = new Set(["warmup_type", "decay_type"]);

/** Throws `config` for a setting that the schedule does not read, or a value of the wrong type. */
export function checkScheduleSettings(
  name: ScheduleName,
  given: Readonly<Record<string, unknown>>,
  { where }: { where: string },
): void {
  const known = reads[name];
  for (const [key, value] of Object.entries(given)) {
    const at = `${where}: lr_scheduler_kwargs.${key}`;
    if (!(known as readonly string[]).includes(key)) {
      const near = nearestName(key, known);
      const owners = Object.entries(reads).filter(([, keys]) => (keys as readonly string[]).includes(key));
      throw new AttuneError("config", {
        where: at,
        expected: `a setting of the schedule ${name}: ${known.join(", ") || "it has none"}`,
        got: owners.length > 0 ? `one of ${owners.map(([owner]) => owner).join(", ")}` : "an unknown name",
        fix: near === undefined ? "leave it out" : `did you mean ${near}?`,
      });
    }
    const expected = words.has(key as Key) ? "string" : "number";
    if (typeof value === expected) continue;
    throw new AttuneError("config", {
      where: at,
      expected: expected === "string" ? "a word" : "a number",
      got: JSON.stringify(value) ?? "nothing",
    });
  }
}
