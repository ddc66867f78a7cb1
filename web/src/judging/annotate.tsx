/** The page where people judge: an item, its answers, one question, one bar. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Project } from "../api.js";
import { hint, useKeys } from "../keys.js";
import { RewriteForm } from "../tasks/rewrite.js";
import { StepsForm } from "../tasks/steps.js";
import { Trajectories } from "../text/trajectories.js";
import { AnswerForm, questions } from "./answer-form.js";
import { GuidelineDialog } from "./guideline-dialog.js";
import { Panes, PromptView } from "./item-view.js";
import { ProgressLine } from "./progress-line.js";
import { Comment, Reasons } from "./reasons.js";
import { RefusedBanner } from "./refused-banner.js";
import { SkipDialog } from "./skip-dialog.js";
import { type Nothing, type Open, useJudging } from "./use-judging.js";

type Judging = ReturnType<typeof useJudging>;

export function Annotate({ project, revise }: { project: Project; revise: string | null }) {
  const judging = useJudging(project, revise);
  const [dialog, setDialog] = useState<"skip" | "guide" | null>(null);
  const { open, answer, progress, said } = judging;
  const undo = (): void => void judging.undo();
  useKeys({ undo, guide: () => setDialog("guide") });
  useEffect(() => {
    document.title = progress ? `${progress.done} judged - ${project.name}` : project.name;
  }, [progress, project.name]);
  return (
    <div class="annotate">
      <div class="visually-hidden" aria-live="polite">
        {said?.text} {progress && `${progress.done} judged`}
      </div>
      <Banners judging={judging} />
      {judging.nothing !== null && <Finished reason={judging.nothing} undo={undo} />}
      {open !== null && (
        <Item
          key={open.revises ?? open.lease}
          open={open}
          judging={judging}
          settings={project.settings}
          onDialog={setDialog}
        />
      )}
      {dialog === "guide" && <GuidelineDialog onClose={() => setDialog(null)} />}
      {dialog === "skip" && (
        <SkipDialog
          onClose={() => setDialog(null)}
          onSkip={(reason) => {
            setDialog(null);
            void judging.submit({ skipped: { reason }, comment: answer.comment });
          }}
        />
      )}
      {said !== null && (
        <div class="toast">
          {said.text}
          {said.undo && (
            <button type="button" class="quiet" onClick={undo}>
              Undo <kbd>{hint("undo")}</kbd>
            </button>
          )}
        </div>
      )}
    </div>
  );
}

function Item({
  open,
  judging,
  settings,
  onDialog,
}: {
  open: Open;
  judging: Judging;
  settings: Project["settings"];
  onDialog: (which: "skip" | "guide") => void;
}) {
  const { answer, change, lacking, sending } = judging;
  const { item } = open;
  const [raw, setRaw] = useState(false);
  const [compare, setCompare] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const comment = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const comparable = item.task === "pair";
  useKeys({
    submit: () => void judging.submit(),
    skip: () => onDialog("skip"),
    raw: () => setRaw(!raw),
    ...(comparable && { compare: () => setCompare(!compare) }),
    comment: () => comment.current?.focus(),
    previousPane: () => focusPane(-1),
    nextPane: () => focusPane(1),
  });
  const form = { candidates: item.candidates, settings, answer, onAnswer: change };
  const view = { raw, images: settings.images };
  return (
    <div class="item" aria-busy={sending}>
      <div class="item-head">
        <h1 ref={heading} tabIndex={-1}>
          {open.revises ? "Change your answer" : open.practice ? "Practice" : questions[item.task]}
        </h1>
        <ProgressLine progress={judging.progress} />
        <button type="button" class="quiet" onClick={() => onDialog("guide")}>
          Guidelines <kbd>{hint("guide")}</kbd>
        </button>
        {comparable && (
          <button type="button" class="quiet" aria-pressed={compare} onClick={() => setCompare(!compare)}>
            Differences <kbd>{hint("compare")}</kbd>
          </button>
        )}
        <button type="button" class="quiet" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          Raw text <kbd>{hint("raw")}</kbd>
        </button>
      </div>
      <PromptView item={item} {...view} />
      {item.task === "trajectories" && item.candidates.length === 2 ? (
        <Trajectories candidates={item.candidates} divergence={item.divergence} {...view} />
      ) : item.task === "steps" ? (
        <StepsForm {...form} {...view} />
      ) : (
        <Panes candidates={item.candidates} compare={compare} {...view} />
      )}
      {item.task === "rewrite" && <RewriteForm {...form} />}
      <Reasons reasons={settings.reasons} answer={answer} onAnswer={change} />
      {settings.comments && <Comment answer={answer} onAnswer={change} field={comment} />}
      <div class="dock" role="region" aria-label="Your answer">
        <AnswerForm task={item.task} {...form} />
        <div class="dock-end">
          <button type="button" class="quiet" onClick={() => void judging.undo()}>
            Undo <kbd>{hint("undo")}</kbd>
          </button>
          <button type="button" class="quiet" onClick={() => onDialog("skip")}>
            Skip <kbd>{hint("skip")}</kbd>
          </button>
          <button
            type="button"
            class="primary"
            aria-disabled={lacking !== null}
            title={lacking ?? ""}
            onClick={() => void judging.submit()}
          >
            Submit <kbd>{item.task === "rewrite" ? `Ctrl ${hint("submit")}` : hint("submit")}</kbd>
          </button>
        </div>
      </div>
    </div>
  );
}

/** The next pane, or the one before; there the arrows scroll. */
function focusPane(by: 1 | -1): void {
  const panes = [...document.querySelectorAll<HTMLElement>(".prompt, .pane-text")];
  const at = panes.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? (by === 1 ? 1 : 0) : (at + by + panes.length) % panes.length;
  panes[next]?.focus();
}

function Banners({ judging: { unsent, leaseGone, problem, load } }: { judging: Judging }) {
  return (
    <>
      {unsent > 0 && (
        <p class="banner" role="status">
          {unsent} {unsent === 1 ? "judgement waits" : "judgements wait"} on this device for the connection.
        </p>
      )}
      {leaseGone && (
        <p class="banner" role="status">
          You were away for a while, so this item may have gone to somebody else. Your answer is still taken;
          it is marked as late.
        </p>
      )}
      <RefusedBanner />
      {problem !== null && (
        <div class="banner bad" role="alert">
          {problem}{" "}
          <button type="button" class="quiet" onClick={() => void load()}>
            Try again
          </button>
        </div>
      )}
    </>
  );
}

const finished: Record<Nothing, [string, string]> = {
  complete: ["All done", "Every item has the judgements it needs. Thank you."],
  quota: ["That is your share", "You have reached the number of judgements agreed for you. Thank you."],
  waiting: ["Nothing for you right now", "Others are judging what is left. This page looks again by itself."],
  empty: ["No items yet", "This project has no items. Its owner can add some."],
};

const Finished = ({ reason, undo }: { reason: Nothing; undo: () => void }) => (
  <div class="empty">
    <h1>{finished[reason][0]}</h1>
    <p>{finished[reason][1]}</p>
    <p>
      <a href="#/history">See what you judged</a> or{" "}
      <button type="button" class="quiet" onClick={undo}>
        undo the last
      </button>
    </p>
  </div>
);
