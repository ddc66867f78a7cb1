/** `attune pairs`: prompts in, pairs of answers out, from two models or one asked twice. Judges nothing. */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { openDataset } from "../data/index.js";
import { AttuneError } from "../errors.js";
import type { Message } from "../records/index.js";
import { flag, number, optionalText, optionalWhole, texts, whole } from "../train/job/setting.js";
import { ioError } from "../util/files.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun } from "./define-run.js";
import { onInterrupt } from "./interrupt.js";
import { type Answerer, type AskedPrompt, endpointAnswerer, localAnswerer } from "./pairs/answerers.js";
import { pairAnswers, pairId } from "./pairs/pair-answers.js";
import { openEngine } from "./running-model.js";
import { counted } from "./show.js";

const settings = {
  model: texts({
    doc: "Who answers: a model's folder or Hub id, or http://host/v1#name. Twice for two models; once: its answers are compared with each other.",
    source: "required",
  }),
  output: optionalText({
    doc: "File of pairs; pairs that are in it already are not made again.",
    source: "pairs.jsonl",
  }),
  samples: whole(1, { min: 1, max: 16, doc: "Pairs of each prompt.", source: "ours" }),
  temperature: number(0.8, {
    min: 0,
    max: 2,
    doc: "0: the likeliest answer (of one model: no pairs).",
    source: "ours",
  }),
  top_p: number(0.95, {
    above: 0,
    max: 1,
    doc: "Draw from the likeliest tokens that reach this probability.",
    source: "ours",
  }),
  max_new_tokens: whole(256, { min: 1, doc: "Most tokens of an answer.", source: "TRL" }),
  seed: whole(0, { min: 0, doc: "Equal seeds give equal answers of models on this machine.", source: "" }),
  max_rows: optionalWhole({ min: 1, doc: "Take at most so many prompts.", source: "all" }),
  api_key_env: optionalText({
    doc: "Environment variable with the endpoint's key; it is sent to the endpoint and written nowhere.",
    source: "OPENAI_API_KEY",
  }),
  timeout: number(60, { above: 0, doc: "Seconds that one request may take.", source: "ours" }),
  retries: whole(4, { min: 0, doc: "Attempts after the first, growing apart.", source: "ours" }),
  concurrency: whole(8, { min: 1, max: 256, doc: "Prompts asked at the same time.", source: "ours" }),
  load_in_8bit: flag(false, {
    doc: "Models on this machine: matrices in 8 bits.",
    source: "TRL ModelConfig",
  }),
  threads: optionalWhole({ min: 1, doc: "Threads of the engine.", source: "the cores, at most 8" }),
  json: flag(false, { doc: "Print one JSON object.", source: "" }),
};

const help: CommandHelp = {
  name: "attune pairs",
  about:
    "Makes pairs of answers to be judged: from two models, or from one that is asked twice; on this machine or behind OpenAI-compatible endpoints. Every answer keeps its model, its sampling settings and its seed. A prompt that failed is named and left out; the same command again asks only for what is missing.",
  positionals: ["PROMPTS"],
  examples: [
    "attune pairs prompts.jsonl --model models/tiny",
    "attune pairs prompts.jsonl --model runs/sft/model --model runs/dpo/model --output ab.jsonl",
    "attune pairs prompts.jsonl --model http://127.0.0.1:8000/v1#llama --model https://api.example.org/v1#other --samples 2",
    "attune import pairs.jsonl --project demo",
  ],
  sections: { Flags: settings },
};

/** Prompts in a row that may fail before the rest is not asked any more. */
const mostFailures = 5;

export const run = defineRun({ help, settings }, async ({ values: s, words, io }) => {
  const [source] = words;
  const models = s.model ?? [];
  if (source === undefined || models.length === 0 || models.length > 2) {
    throw new AttuneError("usage", {
      where: help.name,
      expected: source === undefined ? "PROMPTS" : "--model once or twice",
      got: source === undefined ? "nothing" : counted(models.length, "model"),
      fix: help.examples[0]!,
    });
  }
  if (models.length === 1 && s.temperature === 0) {
    throw new AttuneError("usage", {
      where: `${help.name}: --temperature`,
      expected: "above 0, so that one model gives two answers",
      got: "0",
    });
  }
  const output = s.output ?? "pairs.jsonl";
  const sampling = {
    temperature: s.temperature,
    topP: s.top_p,
    maxNewTokens: s.max_new_tokens,
    seed: s.seed,
  };
  const known = knownIds(output);
  const names = models.map((model) => (isEndpoint(model) ? model.split("#")[1]! : model));
  const idsOf = (prompt: Message[]): string[] =>
    Array.from({ length: s.samples }, (_, k) => pairId(prompt, { models: names, sampling, number: k }));
  const prompts = await readPrompts(source, s.max_rows);
  const open = prompts.filter(({ messages }) => idsOf(messages).some((id) => !known.has(id)));
  const interrupt = onInterrupt(io, "stopping; the pairs that are made stay");
  const backend = models.every(isEndpoint) ? undefined : openEngine(s);
  const answerers: Answerer[] = [];
  const result = { output, prompts: prompts.length, known: known.size, made: 0, equal: 0, failed: 0 };
  try {
    const asks = models.length === 1 ? 2 * s.samples : s.samples;
    for (const model of models) {
      const settled = { sampling: { ...sampling, samples: asks } };
      answerers.push(
        isEndpoint(model)
          ? endpointAnswerer(model, {
              ...settled,
              apiKey: process.env[s.api_key_env ?? "OPENAI_API_KEY"],
              timeoutSeconds: s.timeout,
              retries: s.retries,
              concurrency: s.concurrency,
            })
          : await localAnswerer(model, { ...settled, backend: backend! }),
      );
    }
    const size = Math.min(...answerers.map(({ batch }) => batch));
    let failures = 0;
    for (let at = 0; at < open.length && failures < mostFailures; at += size) {
      const piece = open.slice(at, at + size);
      const answers: (string[] | AttuneError)[][] = [];
      for (const each of answerers) answers.push(await each.answer(piece, interrupt.signal));
      for (const [k, prompt] of piece.entries()) {
        const own = answers.map((all) => all[k]!);
        const problem = own.find((each) => each instanceof AttuneError);
        if (problem !== undefined) {
          failures += 1;
          result.failed += 1;
          io.err(`${prompt.id}: ${problem.message}\n`);
          continue;
        }
        failures = 0;
        const authors = own.map((said, who) => ({ name: names[who]!, answers: said as string[] }));
        const items = pairAnswers(authors, { prompt: prompt.messages, sampling });
        result.equal += items.filter((item) => item === undefined).length;
        const fresh = items.flatMap((item) => (item === undefined || known.has(item.id) ? [] : [item]));
        append(output, fresh);
        result.made += fresh.length;
      }
    }
    if (failures >= mostFailures)
      io.err(`${counted(failures, "prompt")} failed one after the other: the rest was not asked\n`);
  } finally {
    for (const each of answerers) await each.close();
    interrupt.release();
    await backend?.close();
  }
  io.out(
    s.json
      ? JSON.stringify(result)
      : `${output}: ${counted(result.made, "pair")} made of ${counted(open.length, "prompt")}${result.known > 0 ? `, ${result.known} there already` : ""}${result.equal > 0 ? `, ${result.equal} left out because both answers are equal` : ""}\nnext: attune import ${output} --project NAME`,
  );
  return result.failed > 0 ? exitCodes.error : exitCodes.ok;
});

const isEndpoint = (model: string): boolean => /^https?:\/\//.test(model);

async function readPrompts(source: string, limit: number | undefined): Promise<AskedPrompt[]> {
  const dataset = await openDataset(source, { kind: "prompt", ...(limit !== undefined && { limit }) });
  const prompts: AskedPrompt[] = [];
  for await (const { id, prompt } of dataset.records())
    prompts.push({ id, messages: typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt });
  return prompts;
}

/** Pairs of an earlier run. A line that was cut off when it was stopped is taken away. Throws `data`. */
function knownIds(output: string): Set<string> {
  if (!existsSync(output)) return new Set();
  const text = readFileSync(output, "utf8");
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  if (complete.length < text.length) truncateSync(output, Buffer.byteLength(complete));
  const ids = new Set<string>();
  for (const [k, line] of complete.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      ids.add(String((JSON.parse(line) as { id?: unknown }).id));
    } catch {
      throw new AttuneError("data", {
        where: `${output}:${k + 1}`,
        expected: "pairs that this command wrote",
        got: "something else",
        fix: "--output names another file",
      });
    }
  }
  return ids;
}

function append(output: string, items: readonly object[]): void {
  try {
    appendFileSync(output, items.map((item) => `${JSON.stringify(item)}\n`).join(""));
  } catch (cause) {
    throw ioError(cause, { path: output, expected: "a file that can be written" });
  }
}
