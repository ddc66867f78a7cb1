/** Settings in a file, YAML or JSON, for `attune train`. Knows no setting. */
import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import { AttuneError } from "../errors.js";
import { ioError } from "../util/files.js";

/** Settings of a file; kebab-case names are read too. */
export function readConfigFile(path: string, method: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw ioError(cause, { path, expected: "a configuration file" });
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (cause) {
    throw new AttuneError("config", {
      where: path,
      expected: "YAML",
      got: cause instanceof Error ? cause.message.split("\n")[0]! : String(cause),
      cause,
    });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AttuneError("config", {
      where: path,
      expected: "settings by name",
      got: value === null ? "an empty file" : Array.isArray(value) ? "a list" : JSON.stringify(value),
    });
  }
  const settings = Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name.replaceAll("-", "_"), each as unknown]),
  );
  if (settings["method"] !== undefined && settings["method"] !== method) {
    throw new AttuneError("config", {
      where: `${path}: method`,
      expected: method,
      got: JSON.stringify(settings["method"]),
      fix: `attune train ${String(settings["method"])} --config ${path}`,
    });
  }
  return settings;
}
