/** What the quick start says while it runs: stages and results in words, and one moving line of progress. Knows no results. */
import { performance } from "node:perf_hooks";

export interface Narrator {
  /** A heading, numbered. */
  stage(title: string): void;
  /** A sentence or more, broken into lines. */
  say(text: string): void;
  /** A line as it is: a table's row, a command. */
  show(line: string): void;
  /** One line that the next one replaces; on a terminal only. */
  progress(line: string): void;
}

export interface NarratorOptions {
  /** Takes lines, newline included. Default: the process's standard error. */
  write?: (text: string) => void;
  /** Whether `write` goes to a terminal that can move its cursor. Default: whether standard error does. */
  terminal?: boolean;
  stages: number;
}

export function createNarrator({ write, terminal, stages }: NarratorOptions): Narrator {
  const put = write ?? ((text: string) => void process.stderr.write(text));
  const moving = terminal ?? (write === undefined && process.stderr.isTTY === true);
  const began = performance.now();
  let number = 0;
  let open = false;

  const clear = (): string => (open ? "\r\u001b[2K" : "");
  const line = (text: string): void => {
    put(`${clear()}${text}\n`);
    open = false;
  };
  return {
    stage(title) {
      number++;
      const seconds = Math.round((performance.now() - began) / 1000);
      line(`\n[${number}/${stages}] ${title}${number > 1 ? `  (${seconds} s so far)` : ""}`);
    },
    say: (text) => {
      for (const part of wrap(text, 94)) line(part === "" ? "" : `      ${part}`);
    },
    show: (text) => line(text),
    progress(text) {
      if (!moving) return;
      put(`${clear()}      ${text}`);
      open = true;
    },
  };
}

/** Lines of at most `width` characters, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    if (current !== "" && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
