/** What agents did: tau-bench results; and the traces that we recognise but do not read yet. */
import { Trajectory } from "../../records/index.js";
import {
  checked,
  defineFormat,
  describe,
  extraColumns,
  has,
  isObject,
  isText,
  need,
  needList,
  needNumber,
  RowProblem,
} from "./format.js";
import { looksLikeMessages, readMessages, readTools } from "./messages.js";

export const tauBench = defineFormat<"trajectory">({
  title: "tau-bench trajectories",
  kind: "trajectory",
  conversion: "traj becomes messages with tool calls, task_id the task, reward the outcome",
  matches: (row) => has(row, "task_id", "reward") && looksLikeMessages(row["traj"]),
  convert: (row, place) => {
    const task = need(row, "task_id");
    if (typeof task !== "number" && !isText(task))
      throw new RowProblem(`column \`task_id\`: expected a number or text, got ${describe(task)}`);
    return [
      checked(Trajectory, {
        ...place,
        task: String(task),
        ...(row["trial"] !== undefined && { trial: needNumber(row, "trial") }),
        messages: readMessages(needList(row, "traj"), "traj"),
        reward: needNumber(row, "reward"),
        ...readTools(row["tools"]),
        ...extraColumns(row, ["task_id", "trial", "traj", "reward", "tools"]),
      }),
    ];
  },
});

export const trajectory = defineFormat<"trajectory">({
  title: "trajectories (our own record)",
  kind: "trajectory",
  conversion: "kept as it is",
  matches: (row) => isText(row["task"]) && looksLikeMessages(row["messages"]) && "reward" in row,
  convert: (row, place) => [
    checked(Trajectory, {
      source: place.source,
      ...row,
      id: isText(row["id"]) ? row["id"] : place.id,
      messages: readMessages(needList(row, "messages"), "messages"),
      ...readTools(row["tools"]),
    }),
  ],
});

const asMessagesFirst = "convert the run to {task, messages, reward} rows first";

export const openaiTrace = defineFormat({
  title: "OpenAI Agents SDK trace",
  kind: undefined,
  conversion: `traces and spans are not training rows; ${asMessagesFirst}`,
  matches: (row) =>
    row["object"] === "trace" || (row["object"] === "trace.span" && isObject(row["span_data"])),
});

export const vercelMessages = defineFormat({
  title: "Vercel AI SDK UI messages",
  kind: undefined,
  conversion: `parts are not messages a template can read; ${asMessagesFirst} (convertToModelMessages)`,
  matches: (row) => isText(row["role"]) && Array.isArray(row["parts"]),
});
