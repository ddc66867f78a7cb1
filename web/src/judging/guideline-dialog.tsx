/** The guideline in force, over the item: nobody has to leave what they judge to read the rules. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { call } from "../api.js";
import { Show, useLoad } from "../load.js";
import { TextView } from "../text/text-view.js";

export function GuidelineDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const versions = useLoad(() => call("guidelines"));
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="wide" onClose={onClose} aria-labelledby="guideline-title">
      <h2 id="guideline-title">Guidelines</h2>
      <div class="dialog-text" tabIndex={0} role="group" aria-labelledby="guideline-title">
        <Show of={versions}>
          {({ guidelines: [latest] }) =>
            latest ? (
              <TextView text={latest.markdown} label="the guidelines" />
            ) : (
              <p class="muted">This project has no guidelines yet.</p>
            )
          }
        </Show>
      </div>
      <button type="button" class="quiet" onClick={onClose}>
        Back <kbd>Esc</kbd>
      </button>
    </dialog>
  );
}
