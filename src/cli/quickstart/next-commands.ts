/** What to do after the quick start: the same stages as single commands, first on its data, then on the user's own. */
import { relative } from "node:path";
import type { Plan, Training } from "./settings.js";

export interface NextCommand {
  purpose: string;
  command: string;
}

export interface NextOptions {
  folder: string;
  base: string;
  plan: Plan;
  seed: number;
}

/** Commands that can be pasted into a shell as they are; paths are relative where that is shorter. */
export function nextCommands({ folder, base, plan, seed }: NextOptions): NextCommand[] {
  const run = near(folder);
  const flags = ({ epochs, batchSize, learningRate }: Training): string =>
    `--num-train-epochs ${epochs} --per-device-train-batch-size ${batchSize} --learning-rate ${learningRate} --warmup-ratio 0.1 --seed ${seed}`;
  const path = (name: string): string => quote(`${run}/${name}`);
  return [
    {
      purpose: "Read the report",
      command: `open ${path("report.html")}   # or xdg-open, or double-click it`,
    },
    {
      purpose: "Look at the data, token by token, before training on it",
      command: `npx attune inspect --data ${path("data/preferences.jsonl")} --model ${quote(near(base))}`,
    },
    {
      purpose: "Ask the new model something",
      command: `npx attune generate --model ${path("dpo/model")} --prompt "What is the capital of France?"`,
    },
    {
      purpose: "Judge the pairs yourself, in a page with keys for everything",
      command: `npx attune annotate ${path("data/preferences.jsonl")} --store ${path("judged")}`,
    },
    {
      purpose: "Train with DPO again, with settings of your own",
      command: `npx attune train dpo --model ${path("sft/model")} --data ${path("data/preferences.jsonl")} --output ${path("dpo-again")} --beta ${plan.dpo.beta} ${flags(plan.dpo)}`,
    },
    {
      purpose:
        "The same on your own model and data: prompt, chosen and rejected in every row (JSONL, JSON, CSV, Parquet or a Hugging Face id)",
      command:
        "npx attune train dpo --model Qwen/Qwen2.5-0.5B-Instruct --data my-preferences.jsonl --output my-run --lora-r 16",
    },
    { purpose: "What other methods need, and when to choose them", command: "npx attune methods" },
  ];
}

function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== "" && !short.startsWith("..") && short.length < path.length ? short : path;
}

/** For a POSIX shell; plain paths stay as they are. */
function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
