/** What a quick start leaves: every stage's numbers, and the files that were written. Plain data. */
import type { RewardAccuracy } from "../../evaluate/index.js";
import type { Comparison } from "./compare-stage.js";
import type { JudgedStage } from "./judge-stage.js";
import type { WrittenFile } from "./run-folder.js";
import type { Trained } from "./train-stage.js";

export interface Outcome {
  base: string;
  judged: JudgedStage;
  sft: Trained;
  reward: Trained & { accuracy: RewardAccuracy; ceiling: RewardAccuracy };
  dpo: Trained;
  ppo: Trained;
  comparison: Comparison;
  files: WrittenFile[];
}
