/** `attune methods`: what each method needs and when to choose it, from the table that trains them. */
import { PAIR_LOSSES, POLICY_LOSSES } from "../losses/index.js";
import { ONLINE_METHOD_NAMES, ONLINE_METHODS, type OnlineMethodEntry } from "../train/index.js";
import { METHOD_NAMES, methodEntry } from "../train/job/index.js";
import { flag } from "../train/job/setting.js";
import { type CommandHelp, exitCodes } from "./command.js";
import { defineRun } from "./define-run.js";
import { wrap } from "./help.js";

const settings = { json: flag(false, { doc: "Print one JSON object.", source: "" }) };

const help: CommandHelp = {
  name: "attune methods",
  about: "Lists the methods of attune train: what data each needs, when to choose it, and its losses.",
  positionals: [],
  examples: ["attune methods", "attune methods --json"],
  sections: { Flags: settings },
};

interface LossText {
  loss: string;
  summary: string;
  paper: string;
}

const lossLine = ({ loss, summary, paper }: LossText): string =>
  `    ${loss.padEnd(14)} ${summary} (${/^\d{4}\./.test(paper) ? "arXiv " : ""}${paper})`;

/** A loss of a method that learns from its own answers. */
function ownLoss(loss: string): LossText {
  const { summary, paper } = { ...PAIR_LOSSES, ...POLICY_LOSSES }[loss as "sigmoid" | "grpo"];
  return { loss, summary, paper };
}

export const run = defineRun({ help, settings }, ({ values, io }) => {
  const online = ONLINE_METHOD_NAMES.map((name) => {
    const { title, needs, choose, defaults }: OnlineMethodEntry = ONLINE_METHODS[name];
    return { name, title, needs, choose, online: true, lossTypes: defaults.lossTypes };
  });
  const rows = METHOD_NAMES.map((name) => {
    const { title, needs, choose, records, losses, lossType } = methodEntry(name);
    const reference = Object.values(losses).some((loss) => loss.needsReference);
    const types = Object.entries(losses).map(([loss, { summary, paper, needsReference }]) => ({
      loss,
      summary,
      paper,
      needsReference,
    }));
    return { name, title, needs, choose, records, reference, lossType, losses: types };
  });
  if (values.json) {
    io.out(JSON.stringify([...rows, ...online]));
    return exitCodes.ok;
  }
  const width = io.columns;
  const described = rows.map(({ name, title, needs, choose, reference, losses }) => {
    const lines = [
      `${name}: ${title}`,
      wrap(`rows: ${needs}`, { width, indent: 2 }),
      wrap(`choose it ${choose}`, { width, indent: 2 }),
      `  reference model: ${reference ? "yes (with LoRA the same model, adapter off)" : "none"}`,
    ];
    if (losses.length === 1) return [...lines, `  paper: arXiv ${losses[0]!.paper}`].join("\n");
    return [...lines, "  --loss-type", ...losses.map(lossLine)].join("\n");
  });
  const fromOwn = online.map(({ name, title, needs, choose, lossTypes }) =>
    [
      `${name}: ${title}`,
      wrap(`rows: ${needs}`, { width, indent: 2 }),
      wrap(`choose it ${choose}`, { width, indent: 2 }),
      ...(lossTypes.length > 1 ? ["  --loss-type", ...lossTypes.map(ownLoss).map(lossLine)] : []),
    ].join("\n"),
  );
  const sections = [
    ...described,
    wrap("From the model's own answers, judged by a reward (--reward):", { width, indent: 0 }),
    ...fromOwn,
  ];
  io.out(`${sections.join("\n\n")}\n\nEach: attune train METHOD --help`);
  return exitCodes.ok;
});
