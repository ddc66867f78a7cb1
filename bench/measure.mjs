// What every measurement of ours shares: the median, the process's peak memory, the line that it prints. Knows no measurement.
import { readFileSync } from "node:fs";

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

function peakMb() {
  if (process.platform !== "linux") return Math.round(process.resourceUsage().maxRSS / 1024);
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024);
}

export const emit = (value) => console.log(JSON.stringify({ ...value, peak_memory_mb: peakMb() }));

/** The objects of a JSONL file. */
export const readRows = (file) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
