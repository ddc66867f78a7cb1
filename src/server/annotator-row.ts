/** One person's sums as the numbers that a reviewer sees. Knows no query. */
import type { z } from "zod";
import type { PersonSums } from "../store/index.js";
import { Role, type AnnotatorRow } from "./api-schemas.js";
import { leftShare, share } from "./estimates.js";

export function annotatorRow({
  annotator,
  role,
  quota,
  groups,
  disabled,
  last_at,
  sums,
}: PersonSums): z.output<typeof AnnotatorRow> {
  const n = (name: string): number => sums[name] ?? 0;
  return {
    annotator,
    role: Role.parse(role),
    judgements: n("judgements") - n("skip"),
    skips: n("skip"),
    ties: n("tie"),
    late: n("late"),
    left: leftShare(sums),
    agreement: share(n("agreed"), n("compared"), { otherwise: "Nobody else judged the same items." }),
    gold: share(n("gold_right"), n("gold"), { otherwise: "No gold item was judged." }),
    consistency: share(n("repeat_same"), n("repeat_compared"), { otherwise: "Nothing was judged twice." }),
    mean_active_ms: n("timed") > 0 ? n("active_ms") / n("timed") : null,
    quota,
    groups,
    disabled,
    last_at,
  };
}
