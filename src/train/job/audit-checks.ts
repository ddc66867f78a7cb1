/** What the audits of tokenised rows found, as lines of the table that is printed before the first step. */
import { AttuneError } from "../../errors.js";
import type { StartCheck } from "../invariants.js";
import type { DataSummary } from "./prepare-data.js";

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/**
 * Ends of turns, prompts that keep their tokens, the trained share, what was cut. `holds` is false where one should look;
 * only data without any trained token or any target that ends is refused.
 * @throws AttuneError `invariant`
 */
export function auditChecks(
  part: string,
  { source, audit, truncation, rows, tokenised }: DataSummary,
): StartCheck[] {
  const name = part === "data" ? "" : ` (${part})`;
  if (audit.trainedTokens === 0) {
    throw new AttuneError("invariant", {
      where: source,
      expected: "tokens to train",
      got: "none",
      fix: "attune inspect shows the masks",
    });
  }
  const dropped = Object.values(truncation.dropped).reduce((a, b) => a + b, 0);
  const bad = rows.bad + tokenised.bad;
  const cut = truncation.cutPrompts + truncation.cutCompletions.reduce((a, b) => a + b, 0);
  return [
    {
      name: `targets that end${name}`,
      expected: audit.terminator === "" ? "an end-of-turn token" : JSON.stringify(audit.terminator),
      got: percent(audit.terminatedShare),
      holds: audit.terminatedShare === 1 && audit.stopIds.length > 0,
    },
    {
      name: `prompts that keep their tokens${name}`,
      expected: "all",
      got: audit.prefixBreaks === 0 ? "all" : `all but ${audit.prefixBreaks}`,
      holds: audit.prefixBreaks === 0,
    },
    {
      name: `rows that begin with bos twice${name}`,
      expected: "0",
      got: String(audit.doubleBos),
      holds: audit.doubleBos === 0,
    },
    {
      name: `tokens trained${name}`,
      expected: "more than none",
      got: percent(audit.trainedShare),
      holds: true,
    },
    { name: `bad rows${name}`, expected: "0", got: String(bad), holds: bad === 0 },
    {
      name: `rows too long${name}`,
      expected: "0",
      got: truncation.tooLong === 0 ? "0" : `${truncation.tooLong}: ${dropped} left out, ${cut} texts cut`,
      holds: truncation.tooLong === 0,
    },
  ];
}
