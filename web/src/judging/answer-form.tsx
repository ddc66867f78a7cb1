/** The form that a task is answered with, in the bar at the bottom. Knows tasks, no network. */
import type { ComponentChildren } from "preact";
import type { ShownItem } from "../api.js";
import type { FormProps } from "../tasks/form.js";
import { RankForm } from "../tasks/rank.js";
import { RateForm } from "../tasks/rate.js";
import { StepKeys } from "../tasks/steps.js";
import { ThumbsForm } from "../tasks/thumbs.js";
import { PairForm } from "./choice-bar.js";

type Task = ShownItem["task"];

export const questions: Record<Task, string> = {
  pair: "Which response is better?",
  trajectories: "Which run is better?",
  rank: "Rank the responses, best first",
  rate: "Rate the response",
  thumbs: "Is this a good response?",
  rewrite: "Rewrite the response as it should be",
  steps: "Is each step right?",
};

const forms: Record<Task, (props: FormProps) => ComponentChildren> = {
  pair: PairForm,
  trajectories: PairForm,
  rank: RankForm,
  rate: RateForm,
  thumbs: ThumbsForm,
  // These two are answered beside the text itself.
  rewrite: () => null,
  steps: StepKeys,
};

export function AnswerForm({ task, ...props }: { task: Task } & FormProps) {
  const Form = forms[task];
  return <Form {...props} />;
}
