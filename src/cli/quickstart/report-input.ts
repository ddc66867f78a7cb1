/** What the report and the printed summary are made from. Types only. */
import type { NextCommand } from "./next-commands.js";
import type { Outcome } from "./outcome.js";
import type { Settings } from "./settings.js";

export interface ReportInput {
  outcome: Outcome;
  settings: Settings;
  folder: string;
  /** Attune's own. */
  version: string;
  next: readonly NextCommand[];
}
