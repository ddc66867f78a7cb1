/** The table of commands: a name, half a line, and where it is. Loaded only when asked for, so that help is quick. */
import type { Command } from "./command.js";

export interface CommandEntry {
  summary: string;
  load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  quickstart: {
    summary: "the whole circle in two minutes, offline, on the built-in world",
    load: () => import("./quickstart-command.js"),
  },
  methods: {
    summary: "which method needs what data, and when to choose it",
    load: () => import("./methods.js"),
  },
  inspect: {
    summary: "what is in a data set, and what would be trained",
    load: () => import("./inspect.js"),
  },
  train: {
    summary: "train a model: sft, reward, dpo, orpo, simpo, kto, ppo, grpo, rloo, ...",
    load: () => import("./train.js"),
  },
  frontier: {
    summary: "reward against KL for methods and betas, from one budget",
    load: () => import("./frontier.js"),
  },
  score: { summary: "score answers with a reward model", load: () => import("./score.js") },
  generate: { summary: "answer prompts with a model", load: () => import("./generate.js") },
  pairs: {
    summary: "pairs of answers to judge, from two models or one asked twice",
    load: () => import("./pairs.js"),
  },
  annotate: {
    summary: "judge the answers of a file, alone or with others, on a page",
    load: () => import("./annotate.js"),
  },
  serve: { summary: "serve a store: the page where people judge", load: () => import("./serve.js") },
  import: {
    summary: "answers and judgements of other tools into a project",
    load: () => import("./import.js"),
  },
  export: {
    summary: "a project's judgements as data for training, or all of it",
    load: () => import("./export.js"),
  },
  agreement: {
    summary: "how far annotators agree, in numbers and words",
    load: () => import("./agreement.js"),
  },
  rank: { summary: "a leaderboard from who beat whom, with intervals", load: () => import("./rank.js") },
  "win-rate": {
    summary: "models against one baseline, with length taken out as AlpacaEval 2 does",
    load: () => import("./win-rate.js"),
  },
  power: { summary: "how many pairs do I need?", load: () => import("./power.js") },
  backup: { summary: "a whole store to one file", load: () => import("./backup.js") },
  restore: { summary: "a store from a backup", load: () => import("./restore.js") },
  merge: { summary: "fold an adapter into its base model", load: () => import("./merge.js") },
};
