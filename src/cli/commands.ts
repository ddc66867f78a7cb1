/** The table of commands: a name, half a line, and where it is. Loaded only when asked for, so that help is quick. */
import type { Command } from "./command.js";

export interface CommandEntry {
  summary: string;
  load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: { summary: "train a model: sft, reward, dpo, orpo, simpo, kto", load: () => import("./train.js") },
};
