/** What every form of a task gets, and how candidates are called. Knows no task. */
import type { Answer, Candidate, Project } from "../api.js";

export interface FormProps {
  candidates: readonly Candidate[];
  settings: Project["settings"];
  answer: Answer;
  onAnswer: (answer: Partial<Answer>) => void;
}
export const letter = (place: number): string => String.fromCodePoint(65 + place);
