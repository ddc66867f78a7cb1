/** Two runs of an agent side by side: the shared start once, then step beside step from where they part. Knows no judging. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Candidate, Message } from "../api.js";
import { useKeys, hint } from "../keys.js";
import { kindOf, Turn, type ViewOptions } from "./messages-view.js";
import { useGrowing } from "./use-growing.js";

const same = (a: Message | undefined, b: Message | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

export function divergenceOf(a: readonly Message[], b: readonly Message[]): number {
  let at = 0;
  while (at < Math.min(a.length, b.length) && same(a[at], b[at])) at += 1;
  return at;
}

export function Trajectories({
  candidates,
  divergence,
  ...options
}: { candidates: readonly Candidate[]; divergence: number | null } & ViewOptions) {
  const [left, right] = [candidates[0]!.messages, candidates[1]!.messages];
  const start = divergence ?? divergenceOf(left, right);
  const length = Math.max(left.length, right.length);
  const parting = Math.min(start, length - 1);
  const [open, setOpen] = useState(start <= 1 || start >= length);
  const [at, setAt] = useState(parting);
  const rows = useRef<HTMLOListElement>(null);
  const shown = useGrowing(length, { first: start + 12, atLeast: at });
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(length - 1, to));
    if (next < start) setOpen(true);
    setAt(next);
    requestAnimationFrame(() =>
      rows.current?.querySelector(`[data-step="${next}"]`)?.scrollIntoView({ block: "center" }),
    );
  };
  useLayoutEffect(() => setAt(parting), [candidates, parting]);
  useKeys({ nextStep: () => go(at + 1), previousStep: () => go(at - 1), divergence: () => go(start) });
  const steps = Array.from({ length }, (_, k) => k);
  return (
    <div class="trajectories">
      <div class="trajectory-bar">
        <span>
          Step {at + 1} of {length};{" "}
          {start >= length ? "the runs are the same" : `the runs part at step ${start + 1}`}
        </span>
        <button type="button" class="quiet" onClick={() => go(start)} aria-keyshortcuts={hint("divergence")}>
          Where they part <kbd>{hint("divergence")}</kbd>
        </button>
        <button type="button" class="quiet" onClick={() => go(at - 1)}>
          Previous <kbd>{hint("previousStep")}</kbd>
        </button>
        <button type="button" class="quiet" onClick={() => go(at + 1)}>
          Next <kbd>{hint("nextStep")}</kbd>
        </button>
      </div>
      <div class="minimap" aria-hidden="true">
        {steps.map((k) => (
          <span
            key={k}
            class={`${k === at ? "here" : ""} ${k < start ? "shared" : ""}`}
            onClick={() => go(k)}
          >
            {[left[k], right[k]].map((each, side) => (
              <i key={side} class={each === undefined ? "none" : kindOf(each)} />
            ))}
          </span>
        ))}
      </div>
      <div class="trajectory-heads">
        <h2>Response A</h2>
        <h2>Response B</h2>
      </div>
      {start > 0 && (
        <button type="button" class="quiet shared-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "▾" : "▸"} {start} shared {start === 1 ? "step" : "steps"}
        </button>
      )}
      <ol class="steps" ref={rows}>
        {steps
          .filter((k) => (k >= start || open) && k < shown)
          .map((k) => (
            <li key={k} data-step={k} class={`${k === at ? "current" : ""} ${k === start ? "parting" : ""}`}>
              {k < start ? (
                <div class="both">
                  <Turn message={left[k]!} number={k + 1} label={`step ${k + 1}`} {...options} />
                </div>
              ) : (
                [left[k], right[k]].map((each, side) =>
                  each === undefined ? (
                    <div key={side} class="turn ended">
                      {k === (side === 0 ? left : right).length ? "ended here" : ""}
                    </div>
                  ) : (
                    <div key={side}>
                      <span class="visually-hidden">{side === 0 ? "A" : "B"}: </span>
                      <Turn
                        message={each}
                        number={k + 1}
                        label={`step ${k + 1} of ${side === 0 ? "A" : "B"}`}
                        {...options}
                      />
                    </div>
                  ),
                )
              )}
            </li>
          ))}
      </ol>
    </div>
  );
}
