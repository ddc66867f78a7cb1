/** `attune quickstart`: flags to the quick start, which lies in its own folder. */
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun } from "./define-run.js";
import { onInterrupt } from "./interrupt.js";
import { quickstartSchema, runQuickstart } from "./quickstart/index.js";
import { namedAsSchema, settingsOfSchema } from "./schema-settings.js";
import { flag } from "../train/job/setting.js";

const settings = {
  ...settingsOfSchema(quickstartSchema.shape),
  json: flag(false, { doc: "Print the results as one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune quickstart",
  about:
    "The whole circle in small, offline: simulated people judge answers, a model is fine-tuned, a reward model and DPO learn from the judgements, PPO learns from the reward model, and the models are compared on prompts never seen. Leaves a folder with models, data, logs and report.html.",
  positionals: [],
  examples: [
    "attune quickstart",
    "attune quickstart --seed 7 --output my-first-run",
    "attune quickstart --quick",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: checked, io }) => {
  const interrupt = onInterrupt(io, "stopping after this step; the folder stays as it is");
  try {
    const result = await runQuickstart(namedAsSchema(checked, quickstartSchema.shape), {
      write: io.err,
      terminal: io.errIsTerminal,
      signal: interrupt.signal,
    });
    io.out(checked["json"] === true ? JSON.stringify(result) : result.report);
    return exitCodes.ok;
  } finally {
    interrupt.release();
  }
});
