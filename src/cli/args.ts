/**
 * Arguments to values, strictly: flags are the settings' names in kebab case (underscores are read too), an unknown one is
 * an error that names the nearest. Knows no command.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { z } from "zod";
import { AttuneError } from "../errors.js";
import { expectedOf, settingInfo, type SettingInfo } from "../train/job/setting.js";
import { nearestName } from "../util/nearest-name.js";
import type { CommandHelp } from "./command.js";

export interface ParsedArgs {
  /** By the settings' own names; only what was given. */
  values: Record<string, unknown>;
  positionals: string[];
  help: boolean;
}

const kebab = (name: string): string => name.replaceAll("_", "-");
const snake = (name: string): string => name.replaceAll("-", "_");

/** Throws `usage` for an unknown flag, a flag without its value, a value that cannot be read, or a stray word. */
export function readArgs(args: readonly string[], command: CommandHelp): ParsedArgs {
  const infos = new Map<string, SettingInfo>();
  for (const section of Object.values(command.sections)) {
    for (const [name, schema] of Object.entries(section)) infos.set(kebab(name), settingInfo(schema));
  }
  const options: NonNullable<ParseArgsConfig["options"]> = { help: { type: "boolean", short: "h" } };
  for (const [name, { kind }] of infos) {
    options[name] = {
      type: kind === "flag" ? "boolean" : "string",
      multiple: kind === "list" || kind === "texts",
    };
  }
  const normal = normalise(args, { infos, command });
  const { values, positionals } = parse(normal, { options, command });
  const many = command.manyPositionals ?? false;
  if (positionals.length > command.positionals.length && !many) {
    throw usage(command, {
      expected: command.positionals.join(" ") || "flags only",
      got: positionals.slice(command.positionals.length).join(" "),
    });
  }
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (name !== "help") given[snake(name)] = readValue(name, value, infos.get(name)!);
  }
  return { values: given, positionals, help: values["help"] === true };
}

function parse(
  args: string[],
  { options, command }: { options: NonNullable<ParseArgsConfig["options"]>; command: CommandHelp },
) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true, allowNegative: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
    throw usage(command, {
      expected: "flags with their values",
      got: message.replace(/\. To specify.*$/, ""),
    });
  }
}

interface Known {
  infos: ReadonlyMap<string, SettingInfo>;
  command: CommandHelp;
}

/** Underscores become hyphens, `--flag True` becomes `--flag`, `--resume` without a path becomes `--resume=true`. */
function normalise(args: readonly string[], known: Known): string[] {
  const out: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...out, ...args.slice(i)];
    if (!arg.startsWith("--")) {
      out.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = kebab(equals < 0 ? arg.slice(2) : arg.slice(2, equals));
    const inline = equals < 0 ? undefined : arg.slice(equals + 1);
    const info = infoOf(name, known);
    const next = args[i + 1];
    if (info?.kind === "flag") {
      const bare = name.startsWith("no-") && !known.infos.has(name) ? name.slice(3) : name;
      const word = inline ?? (next !== undefined && /^(true|false)$/i.test(next) ? args[++i]! : "true");
      if (!/^(true|false)$/i.test(word))
        throw usage(known.command, { where: `--${name}`, expected: "true or false", got: word });
      const on = (word.toLowerCase() === "true") === (bare === name);
      out.push(on ? `--${bare}` : `--no-${bare}`);
    } else if (info?.kind === "optional-text" && inline === undefined) {
      out.push(`--${name}=${next === undefined || next.startsWith("-") ? "true" : args[++i]!}`);
    } else if (info !== undefined && inline === undefined && next !== undefined && /^-\d/.test(next)) {
      // A negative number is a value, not a flag.
      out.push(`--${name}=${args[++i]!}`);
    } else {
      out.push(inline === undefined ? `--${name}` : `--${name}=${inline}`);
    }
  }
  return out;
}

function infoOf(name: string, { infos, command }: Known): SettingInfo | undefined {
  if (name === "help") return undefined;
  const info = infos.get(name) ?? infos.get(name.replace(/^no-/, ""));
  const negated = name.startsWith("no-") && !infos.has(name);
  if (info !== undefined && (!negated || info.kind === "flag")) return info;
  const near = nearestName(name, [...infos.keys()]);
  throw new AttuneError("usage", {
    where: `${command.name}: --${name}`,
    expected: "a known flag",
    got: "an unknown one",
    fix: near === undefined ? `${command.name} --help lists them` : `did you mean --${near}?`,
  });
}

function readValue(name: string, value: unknown, { kind }: SettingInfo): unknown {
  const where = `--${name}`;
  switch (kind) {
    case "flag":
      return value;
    case "number": {
      const text = String(value).trim();
      const parsed = Number(text);
      if (text !== "" && Number.isFinite(parsed)) return parsed;
      throw new AttuneError("usage", { where, expected: "a number", got: JSON.stringify(value) });
    }
    case "list":
      return (value as string[])
        .flatMap((each) => each.split(","))
        .map((each) => each.trim())
        .filter((each) => each !== "");
    case "object":
      try {
        return JSON.parse(String(value));
      } catch {
        throw new AttuneError("usage", {
          where,
          expected: 'a JSON object such as {"min_lr_rate": 0.1}',
          got: String(value),
        });
      }
    case "optional-text":
      return value === "true" ? true : value === "false" ? false : value;
    case "text":
    case "texts":
    case "choice":
      return value;
  }
}

const usage = (command: CommandHelp, o: { where?: string; expected: string; got: string }): AttuneError =>
  new AttuneError("usage", {
    where: o.where ?? command.name,
    expected: o.expected,
    got: o.got,
    fix: `${command.name} --help`,
  });

/** Checks values against a command's own settings and fills in defaults. Throws `usage`. */
export function checkValues<T extends Record<string, z.ZodType>>(
  values: Readonly<Record<string, unknown>>,
  { shape, command }: { shape: T; command: string },
): z.output<z.ZodObject<T>> {
  const parsed = z.strictObject(shape).safeParse(values);
  if (parsed.success) return parsed.data as z.output<z.ZodObject<T>>;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0] ?? "");
  const given = values[name];
  throw new AttuneError("usage", {
    where: `${command}: --${kebab(name)}`,
    expected: given === undefined ? "a value" : expectedOf(issue.message),
    got: given === undefined ? "nothing" : JSON.stringify(given),
    fix: `${command} --help`,
  });
}
