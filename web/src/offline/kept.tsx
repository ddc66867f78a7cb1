/** What is on this device while the server cannot be reached: judgements that wait, drafts. Items are not kept, so none is shown. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { drafts, waiting } from "../judging/outbox.js";
import { inWords } from "../words.js";

const againAfter = 3000;

/** Looks for the server again by itself, and at once when the browser says that there is a connection. */
export function Kept({ onTry }: { onTry: () => Promise<void> }) {
  const latest = useRef(onTry);
  latest.current = onTry;
  useLayoutEffect(() => {
    let under = false;
    const look = (): void => {
      if (under) return;
      under = true;
      void latest.current().finally(() => (under = false));
    };
    const timer = setInterval(look, againAfter);
    addEventListener("online", look);
    return () => {
      clearInterval(timer);
      removeEventListener("online", look);
    };
  }, []);
  const [unsent, begun] = [waiting(), drafts()];
  return (
    <>
      {unsent.length > 0 && (
        <section>
          <h2>Waiting to be sent</h2>
          <p class="muted">
            {unsent.length === 1 ? "This judgement is" : `These ${unsent.length} judgements are`} kept on this
            device, and sent by itself when the server is there again.
          </p>
          <ol class="kept">
            {unsent.map(({ key, project, answer }) => (
              <li key={key}>
                {project}: {inWords(answer, { scale: 0 })}
                {answer.comment && <q>{answer.comment}</q>}
              </li>
            ))}
          </ol>
        </section>
      )}
      {begun.length > 0 && (
        <section>
          <h2>Drafts</h2>
          <p class="muted">Begun and not submitted; each comes back with its item.</p>
          <ul class="kept">
            {begun.map(({ name, project, answer }) => (
              <li key={name}>
                {project}: {inWords(answer, { scale: 0 }) || "begun"}
                {answer.comment && <q>{answer.comment}</q>}
              </li>
            ))}
          </ul>
        </section>
      )}
      {unsent.length === 0 && begun.length === 0 && (
        <p class="muted">Nothing of yours waits on this device. What you submitted is with the server.</p>
      )}
    </>
  );
}
