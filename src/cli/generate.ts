/** `attune generate`: answers of a model to prompts, in its own chat format. */
import { openDataset } from "../data/index.js";
import { AttuneError } from "../errors.js";
import { type Completion, samplingSchema, TokenGenerator } from "../generate/index.js";
import type { Text } from "../records/index.js";
import { chatTemplateOf, stopTokenIds, type Tokenizer } from "../text/index.js";
import { flag, optionalText, optionalWhole, whole } from "../train/job/setting.js";
import { checkValues, readArgs } from "./args.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { renderHelp } from "./help.js";
import { onInterrupt } from "./interrupt.js";
import type { Io } from "./io.js";
import { encodePrompt } from "./encode-prompt.js";
import { openEngine, openRunningModel } from "./running-model.js";
import { namedAsSchema, settingsOfSchema } from "./schema-settings.js";
import { duration } from "./show.js";

const sampling = settingsOfSchema(samplingSchema.shape, { leave: ["stopTokens"] });

const settings = {
  model: optionalText({ doc: "Model folder, adapter folder, or Hub id.", source: "required" }),
  prompt: optionalText({ doc: "What to answer.", source: "none" }),
  data: optionalText({
    doc: "File with prompts (any known format; answers in it are not looked at).",
    source: "none",
  }),
  system: optionalText({ doc: "System message before every prompt.", source: "none" }),
  raw: flag(false, { doc: "Give the prompt as it is, without the chat template.", source: "" }),
  max_rows: whole(20, { min: 1, doc: "Prompts of the file to answer.", source: "ours" }),
  base: optionalText({
    doc: "Base of an adapter, if not the one that it names.",
    source: "the adapter's own",
  }),
  load_in_8bit: flag(false, {
    doc: "Products with the model's matrices in 8 bits: a third of the weights' memory, about 1% error a product.",
    source: "TRL ModelConfig",
  }),
  threads: optionalWhole({ min: 1, doc: "Threads of the engine.", source: "the cores, at most 8" }),
  json: flag(false, { doc: "Print one JSON object a completion.", source: "" }),
};

const help: CommandHelp = {
  name: "attune generate",
  about:
    "Answers prompts with a model. The chat template is the model's own; generation stops at its end-of-turn tokens. Equal seeds give equal answers.",
  positionals: ["PROMPT"],
  examples: [
    'attune generate --model models/tiny "What do cats eat?"',
    'attune generate --model runs/first/model --prompt "Say hello." --temperature 0',
    "attune generate --model runs/first/model --data prompts.jsonl --samples 4 --json",
  ],
  sections: { Flags: settings, Sampling: sampling },
};

export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals, help: wanted } = readArgs(args, help);
  if (wanted) {
    io.out(renderHelp(help, io));
    return exitCodes.ok;
  }
  const given = Object.fromEntries(Object.entries(values).filter(([name]) => name in settings));
  const s = checkValues(given, { shape: settings, command: help.name });
  const asked = Object.fromEntries(Object.entries(values).filter(([name]) => name in sampling));
  checkValues(asked, { shape: sampling, command: help.name });
  const prompt = s.prompt ?? positionals[0];
  if (s.model === undefined || (prompt === undefined) === (s.data === undefined)) {
    throw new AttuneError("usage", {
      where: help.name,
      expected: s.model === undefined ? "--model" : "a prompt or --data, one of the two",
      got: prompt !== undefined && s.data !== undefined ? "both" : "nothing",
      fix: help.examples[0]!,
    });
  }
  const interrupt = onInterrupt(io, "stopping");
  const backend = openEngine(s);
  try {
    const running = await openRunningModel(s.model, { backend, ...(s.base && { base: s.base }) });
    const { tokenizer } = running;
    const prompts =
      prompt === undefined
        ? await readPrompts(s.data!, s.max_rows)
        : [{ id: "prompt", text: prompt as Text }];
    const tokens = await Promise.all(prompts.map(({ text }) => encodePrompt(tokenizer, text, s)));
    const template = s.raw || !tokenizer.chatTemplates.has("default") ? undefined : chatTemplateOf(tokenizer);
    const generator = new TokenGenerator(backend, {
      ...running.model,
      stopTokens: await stopTokenIds(tokenizer, template),
    });
    const began = performance.now();
    const completions = await generator.complete(tokens, {
      ...namedAsSchema(values, samplingSchema.shape),
      ids: prompts.map(({ id }) => id),
      signal: interrupt.signal,
    });
    const seconds = (performance.now() - began) / 1000;
    await generator.close();
    print(completions, { io, tokenizer, prompts, json: s.json });
    const count = completions.reduce((n, each) => n + each.tokens.length, 0);
    io.err(`${count} tokens in ${duration(seconds)}, ${(count / seconds).toFixed(1)} tokens/s\n`);
    return exitCodes.ok;
  } finally {
    interrupt.release();
    await backend.close();
  }
}

async function readPrompts(source: string, limit: number): Promise<{ id: string; text: Text }[]> {
  const dataset = await openDataset(source, { kind: "prompt", limit });
  const prompts: { id: string; text: Text }[] = [];
  for await (const { id, prompt } of dataset.records()) prompts.push({ id, text: prompt });
  return prompts;
}

interface Printing {
  io: Io;
  tokenizer: Tokenizer;
  prompts: readonly { id: string; text: Text }[];
  json: boolean;
}

function print(completions: readonly Completion[], { io, tokenizer, prompts, json }: Printing): void {
  const many = completions.length > 1;
  for (const { prompt, sample, tokens, logProbs, finishReason } of completions) {
    const ended = finishReason === "stop" ? tokens.slice(0, -1) : tokens;
    const text = tokenizer.decodeContinuation(ended);
    const { id, text: asked } = prompts[prompt]!;
    const logProb = logProbs.reduce((a, b) => a + b, 0);
    if (json)
      io.out(
        JSON.stringify({
          id,
          prompt: asked,
          sample,
          completion: text,
          finish_reason: finishReason,
          tokens: tokens.length,
          logprob: logProb,
        }),
      );
    else
      io.out(
        `${many ? `--- ${id}${sample > 0 ? ` sample ${sample + 1}` : ""}\n` : ""}${text.trim()}${finishReason === "length" ? " [...]" : ""}`,
      );
  }
}
