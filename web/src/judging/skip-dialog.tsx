/** Why an item is skipped: one key each. Knows no network. */
import { useLayoutEffect, useRef } from "preact/hooks";

const reasons = [
  "cannot judge",
  "unsafe content",
  "broken item",
  "another language",
  "personal data",
  "not an honest choice",
];

export function SkipDialog({ onSkip, onClose }: { onSkip: (reason: string) => void; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-labelledby="skip-title"
      onKeyDown={(event) => {
        const reason = reasons[Number(event.key) - 1];
        if (reason !== undefined) onSkip(reason);
      }}
    >
      <h2 id="skip-title">Why skip this one?</h2>
      <div class="choices">
        {reasons.map((reason, k) => (
          <button key={reason} type="button" onClick={() => onSkip(reason)}>
            <kbd>{k + 1}</kbd> {reason}
          </button>
        ))}
      </div>
      <button type="button" class="quiet" onClick={onClose}>
        Back <kbd>Esc</kbd>
      </button>
    </dialog>
  );
}
