/** `attune generate`: answers of a model to prompts, in its own chat format. */
import { openDataset } from "../data/index.js";
import { AttuneError } from "../errors.js";
import {
  type Completion,
  cutAtStop,
  type FinishReason,
  type RequestOptions,
  samplingSchema,
  type TokenEvent,
  TokenGenerator,
} from "../generate/index.js";
import type { Text } from "../records/index.js";
import { chatTemplateOf, stopTokenIds, type Tokenizer } from "../text/index.js";
import { flag, number, object, optionalText, optionalWhole, texts, whole } from "../train/job/setting.js";
import { answerPrinter } from "./answer-printer.js";
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
  stop: texts({
    doc: "Text that ends an answer where it comes, and is not printed; may be given several times.",
    source: "none",
  }),
  choice: texts({
    doc: "The answer is one of these and nothing else; give two or more.",
    source: "free",
  }),
  logit_bias: object({
    doc: 'Token ids and what is added to their logits, e.g. {"12": -100}.',
    source: "none, as OpenAI's",
  }),
  cache_megabytes: number(2048, {
    above: 0,
    doc: "Memory for keys and values; fewer prompts are answered together where they would need more.",
    source: "ours",
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
    "Answers prompts with a model. The chat template is the model's own; generation stops at its end-of-turn tokens. A single answer is printed as it is made. Equal seeds give equal answers.",
  positionals: ["PROMPT"],
  examples: [
    'attune generate --model models/tiny "What do cats eat?"',
    'attune generate --model runs/first/model --prompt "Say hello." --temperature 0 --stop "."',
    'attune generate --model runs/first/model "Is Oslo in Norway?" --choice Yes --choice No',
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
    const stopTokens = await stopTokenIds(tokenizer, template);
    const generator = new TokenGenerator(
      backend,
      { ...running.model, stopTokens },
      { maxCacheBytes: s.cache_megabytes * 2 ** 20 },
    );
    const request: RequestOptions = {
      ...namedAsSchema(values, samplingSchema.shape),
      ...(await constraints(tokenizer, s)),
      ids: prompts.map(({ id }) => id),
      signal: interrupt.signal,
    };
    const showing: Showing = { io, tokenizer, prompts, json: s.json, stopTokens, stops: s.stop ?? [] };
    const began = performance.now();
    const alone = tokens.length === 1 && (request.samples ?? 1) === 1 && !s.json;
    const counted = alone
      ? [await tellAsMade(generator.stream(tokens, request), showing)]
      : print(await generator.complete(tokens, request), showing);
    const seconds = (performance.now() - began) / 1000;
    await generator.close();
    const count = counted.reduce((n, each) => n + each.tokens.length, 0);
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

/** Options of a request that are made of texts. */
async function constraints(
  tokenizer: Tokenizer,
  { stop, choice, logit_bias: bias }: { stop?: string[]; choice?: string[]; logit_bias: object },
): Promise<RequestOptions> {
  const encode = (text: string): Promise<number[]> => tokenizer.encode(text, { addSpecialTokens: false });
  return {
    logitBias: bias as Record<number, number>,
    ...(stop && { stopStrings: stop, decode: (ids) => tokenizer.decodeContinuation(ids) }),
    ...(choice && { choices: await Promise.all(choice.map(encode)) }),
  };
}

interface Showing {
  io: Io;
  tokenizer: Tokenizer;
  prompts: readonly { id: string; text: Text }[];
  json: boolean;
  stopTokens: readonly number[];
  stops: readonly string[];
}

/** What was said, without what ended it. */
function saidOf(
  { tokens, stopString }: Pick<Completion, "tokens" | "stopString">,
  { tokenizer, stopTokens }: Showing,
): string {
  const said = stopTokens.includes(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens;
  return cutAtStop(tokenizer.decodeContinuation(said), stopString);
}

const cutMark = (reason: FinishReason): string => (reason === "stop" ? "" : " [...]");

/** Prints a single answer token by token; its tokens. */
async function tellAsMade(
  events: AsyncIterable<TokenEvent>,
  o: Showing,
): Promise<Pick<Completion, "tokens">> {
  const holdBack = Math.max(0, ...o.stops.map(({ length }) => length - 1));
  const printer = answerPrinter(o.io.piece, { holdBack });
  const tokens: number[] = [];
  // Where the time is over the stream ends without a word.
  let end: Pick<TokenEvent, "finishReason" | "stopString"> = { finishReason: "time", stopString: undefined };
  for await (const { token, finishReason, stopString } of events) {
    tokens.push(token);
    if (finishReason) end = { finishReason, stopString };
    else printer.show(saidOf({ tokens, stopString: undefined }, o));
  }
  printer.end(saidOf({ tokens, stopString: end.stopString }, o));
  o.io.out(cutMark(end.finishReason!));
  return { tokens };
}

function print(completions: readonly Completion[], o: Showing): readonly Completion[] {
  const { io, prompts, json } = o;
  const many = completions.length > 1;
  for (const completion of completions) {
    const { prompt, sample, tokens, logProbs, finishReason } = completion;
    const text = saidOf(completion, o);
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
        `${many ? `--- ${id}${sample > 0 ? ` sample ${sample + 1}` : ""}\n` : ""}${text.trim()}${cutMark(finishReason)}`,
      );
  }
  return completions;
}
