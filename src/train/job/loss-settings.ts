/**
 * Options of losses as settings: the same declarations under TRL's snake case. An option that several losses share is one
 * setting; its default and range are those of the loss that is chosen. Knows no loss.
 */
import { z } from "zod";
import { AttuneError } from "../../errors.js";
import { type OptionSpecs, type OptionValue, resolveOptions } from "../../losses/index.js";
import { nearestName } from "../../util/nearest-name.js";
import type { SettingInfo } from "./setting.js";

/** A loss as the table of a method knows it. */
export interface LossChoice {
  summary: string;
  paper: string;
  options: OptionSpecs;
  needsReference: boolean;
  /** Reads more of the reference than each answer's sum, so that sums made beforehand do not do. */
  readsTokens: boolean;
  /** Whether it, with these options, asks for a third answer, the best one, in every row. */
  gold: (options: Readonly<Record<string, OptionValue>>) => boolean;
  /** Looks across rows, so that k micro-batches are not one batch. */
  wholeBatch: boolean;
  /** Fewest examples in a micro-batch. */
  smallestBatch: number;
  /** Passes over a batch without gradient beside the one with it: the reference, KTO's mismatched answers. */
  layouts: number;
  /** Arrays of a chunk by the vocabulary at a time, where it reads the whole distribution; `estimateMemory`. */
  vocabularyArrays?: number;
}

export type LossChoices = Readonly<Record<string, LossChoice>>;

/** `labelSmoothing` -> `label_smoothing`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Every option of every loss, by its setting's name; all optional. */
export function lossSettings(losses: LossChoices): Record<string, z.ZodType> {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, { loss, option }] of gather(losses)) {
    const spec = losses[loss[0]!]!.options[option]!;
    const info: SettingInfo = {
      kind:
        typeof spec.default === "number" ? "number" : typeof spec.default === "boolean" ? "flag" : "choice",
      doc: spec.doc + (loss.length < Object.keys(losses).length ? ` (${shortList(loss)})` : ""),
      source: defaultsOf(losses, { loss, option }),
      ...(spec.choices && { choices: spec.choices.map(String) }),
    };
    const base =
      info.kind === "number"
        ? z.number()
        : info.kind === "flag"
          ? z.boolean()
          : z.enum(info.choices as [string, ...string[]]);
    shape[name] = base.optional().meta({ description: info.doc, setting: info });
  }
  return shape;
}

const shortList = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

function gather(losses: LossChoices): Map<string, { option: string; loss: string[] }> {
  const found = new Map<string, { option: string; loss: string[] }>();
  for (const [loss, { options }] of Object.entries(losses)) {
    for (const option of Object.keys(options)) {
      const entry = found.get(snakeCase(option)) ?? { option, loss: [] };
      entry.loss.push(loss);
      found.set(snakeCase(option), entry);
    }
  }
  return found;
}

/** `0.1 (DPO, section 6); hinge 0.05 (...)`: the first loss's default, then those that differ. */
function defaultsOf(
  losses: LossChoices,
  { loss, option }: { loss: readonly string[]; option: string },
): string {
  const first = losses[loss[0]!]!.options[option]!;
  const others = loss.filter((name) => losses[name]!.options[option]!.default !== first.default);
  const rest = others.map((name) => `${name} ${String(losses[name]!.options[option]!.default)}`);
  return [`${String(first.default)}, ${first.source}`, ...rest].join("; ");
}

/**
 * The chosen loss's options, defaults filled in, under the names that the loss has. Throws `config` for an option that
 * belongs to other losses only, and for a value out of its range.
 */
export function resolveLossSettings(
  losses: LossChoices,
  { lossType, given }: { lossType: string; given: Readonly<Record<string, unknown>> },
): Record<string, OptionValue> {
  const { options } = losses[lossType]!;
  const own = new Map(Object.keys(options).map((option) => [snakeCase(option), option]));
  const values: Record<string, OptionValue> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const option = own.get(name);
    if (option === undefined) {
      const belongs = gather(losses).get(name)?.loss ?? [];
      const near = nearestName(name, [...own.keys()]);
      throw new AttuneError("config", {
        where: name,
        expected: `an option of loss_type ${lossType}: ${[...own.keys()].join(", ") || "it has none"}`,
        got: `an option of ${shortList(belongs)}`,
        fix:
          near === undefined ? "leave it out, or choose another loss_type" : `leave it out, or use ${near}`,
      });
    }
    values[option] = value as OptionValue;
  }
  return { ...resolveOptions(`loss_type ${lossType}`, options, values) };
}
