/** `attune merge`: an adapter folded into its base model, as a model folder of its own. */
import { existsSync, readdirSync } from "node:fs";
import { AttuneError } from "../errors.js";
import { adapterValues, mergedParameters, openModel, saveModelFolder } from "../models/index.js";
import { choice, flag, optionalText } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun, needed } from "./define-run.js";

const settings = {
  output: optionalText({ doc: "Folder of the merged model; new or empty.", source: "required" }),
  base: optionalText({
    doc: "Base model, if not the one that adapter_config.json names.",
    source: "the adapter's own",
  }),
  dtype: choice("stored", {
    choices: ["stored", "F32", "BF16", "F16"],
    doc: "Type of the weights.",
    source: "each as the base stores it",
  }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune merge",
  about:
    "Folds a LoRA or DoRA adapter into its base model. The result is a model folder that transformers and every server load, and that can be trained on.",
  positionals: ["ADAPTER"],
  examples: [
    "attune merge runs/first/model --output merged",
    "attune merge adapter --base Qwen/Qwen2.5-0.5B --output merged --dtype BF16",
  ],
  sections: { Flags: settings },
};

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const path = needed(words[0], { help, what: "an adapter's folder" });
  const output = needed(s.output, { help, what: "--output" });
  const { base, dtype, json } = s;
  if (existsSync(output) && readdirSync(output).length > 0) {
    throw new AttuneError("usage", {
      where: output,
      expected: "a new or empty folder",
      got: "one with files",
      fix: "choose another --output",
    });
  }
  const { model, adapter } = await openModel(path, base === undefined ? {} : { base });
  if (adapter === undefined) {
    throw new AttuneError("model", {
      where: path,
      expected: "an adapter's folder with adapter_config.json",
      got: "a whole model",
      fix: "there is nothing to merge",
    });
  }
  await saveModelFolder(output, model, {
    parameters: mergedParameters(model, { spec: adapter.spec, values: adapterValues(adapter) }),
    ...(dtype !== "stored" && { dtype }),
    ...(existsSync(`${path}/tokenizer.json`) && { tokenizerFrom: path }),
  });
  const { targets, saved } = adapter.spec;
  io.out(
    json
      ? JSON.stringify({ output, base: model.path, merged: targets.length, replaced: saved.length })
      : `merged ${targets.length} modules of ${model.path} into ${output}`,
  );
  return exitCodes.ok;
});
