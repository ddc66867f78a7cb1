/** Texts beside a run's own answers (PPO-ptx), as tokens: whole texts, or prompts with their answers. Knows no method. */
import { openDataset } from "../../../data/index.js";
import { AttuneError } from "../../../errors.js";
import type { Tokenizer } from "../../../text/index.js";
import { sha256File } from "../../../util/files.js";
import { tokeniseRecord } from "../../job/tokenise.js";
import type { PretrainingText } from "../pretraining-mix.js";

/** Rows that cannot be tokenised are counted. Throws `data` where none is left. */
export async function readTexts(
  path: string,
  { tokenizer, limit }: { tokenizer: Tokenizer; limit: number | undefined },
): Promise<{ texts: readonly PretrainingText[]; hash: string; note: string }> {
  const dataset = await openDataset(path, { kind: "demonstration", ...(limit !== undefined && { limit }) });
  const texts: PretrainingText[] = [];
  let bad = 0;
  for await (const record of dataset.records()) {
    try {
      const row = await tokeniseRecord(record, { tokenizer, completionOnly: false, assistantOnly: false });
      const tokens = [...row.prompt, ...row.completions[0]!.tokens];
      if (tokens.length > 1) texts.push({ id: record.id, tokens });
      else bad += 1;
    } catch (error) {
      if (!(error instanceof AttuneError)) throw error;
      bad += 1;
    }
  }
  if (texts.length === 0)
    throw new AttuneError("data", { where: path, expected: "at least one text of two tokens", got: "none" });
  const hashes = await Promise.all(dataset.files.map(({ file }) => sha256File(file)));
  const left = bad + dataset.report.bad;
  const note = `${path}: ${texts.length} texts beside the answers${left > 0 ? `, ${left} rows could not be used` : ""}`;
  return { texts, hash: hashes.join(" "), note };
}
