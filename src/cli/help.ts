/** The help of a command, made from its settings: meaning, default and where the default comes from. */
import { settingDefault, settingInfo } from "../train/job/setting.js";
import { short } from "./show.js";
import type { CommandHelp, Sections } from "./command.js";

/** Lines of at most `width`, indented. */
export function wrap(text: string, { width, indent }: { width: number; indent: number }): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each) => " ".repeat(indent) + each).join("\n");
}

const placeholders = {
  number: "N",
  flag: "",
  text: "TEXT",
  texts: "TEXT",
  choice: "NAME",
  list: "NAMES",
  object: "JSON",
  "optional-text": "[PATH]",
} as const;

function settingHelp(name: string, schema: Sections[string][string], width: number): string {
  const { kind, doc, source, choices } = settingInfo(schema);
  const value = settingDefault(schema);
  const flag =
    `--${kind === "flag" && value === true ? "no-" : ""}${name.replaceAll("_", "-")} ${placeholders[kind]}`.trimEnd();
  const shown =
    value === undefined || kind === "object"
      ? ""
      : kind === "flag"
        ? value === true
          ? "on"
          : "off"
        : typeof value === "number"
          ? short(value)
          : kind === "optional-text"
            ? ""
            : String(value);
  const origin =
    source === "" ? shown : shown === "" || source.startsWith(shown) ? source : `${shown}; ${source}`;
  const among = choices ? ` One of ${choices.join(", ")}.` : "";
  return `  ${flag}\n${wrap(`${doc}${among} [${origin}]`, { width, indent: 6 })}`;
}

export function renderHelp(
  { name, about, positionals, examples, sections }: CommandHelp,
  { columns }: { columns: number },
): string {
  const head = `${name} ${positionals.join(" ")}`.trimEnd();
  const flags = Object.entries(sections).filter(([, section]) => Object.keys(section).length > 0);
  const parts = [
    wrap(about, { width: columns, indent: 0 }),
    `Usage: ${head}${flags.length > 0 ? " [flags]" : ""}`,
    `Examples\n${examples.map((line) => `  ${line}`).join("\n")}`,
    ...flags.map(
      ([title, section]) =>
        `${title}\n${Object.entries(section)
          .map(([setting, schema]) => settingHelp(setting, schema, columns))
          .join("\n")}`,
    ),
  ];
  return parts.join("\n\n");
}
