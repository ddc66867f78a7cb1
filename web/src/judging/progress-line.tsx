/** How far I am, as a thin line and in words; no clock and no speed. */
import type { OwnProgress } from "../api.js";

export function ProgressLine({ progress }: { progress: OwnProgress | null }) {
  if (progress === null) return null;
  const { done, quota, practice } = progress;
  if (practice !== null && practice.done < practice.of)
    return (
      <span class="progress-line muted">
        Practice {practice.done + 1} of {practice.of}
      </span>
    );
  return (
    <span class="progress-line muted">
      {quota !== null && <progress max={quota} value={done} aria-hidden="true" />}
      {done} judged{quota === null ? "" : ` of ${quota}`}
    </span>
  );
}
