/** The page where people judge: an item, its answers, one question; keys, undo, drafts and lost connections. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import {
  type Answer,
  ApiError,
  call,
  currentProject,
  type Message,
  type OwnProgress,
  type Project,
  type ShownItem,
} from "./api.js";
import { ChoiceBar, pairAnswer, pointOf, pointsOf } from "./choice-bar.js";
import { hint, useKeys } from "./keys.js";
import { Conversation } from "./messages-view.js";
import { dropDraft, flush, loadDraft, saveDraft, send, waiting } from "./outbox.js";
import {
  letter,
  missing,
  RankForm,
  RateForm,
  RewriteForm,
  StepKeys,
  StepsForm,
  ThumbsForm,
} from "./task-forms.js";
import { Trajectories } from "./trajectories.js";
import { RefusedBanner } from "./refused-banner.js";
import { ActiveTime } from "./active-time.js";
import { SkipDialog } from "./skip-dialog.js";

interface Open {
  item: ShownItem;
  lease: string;
  /** The judgement that a new answer would replace. */
  revises: string | null;
  practice: boolean;
}

const narrow = matchMedia("(max-width: 900px)");
const finished: Record<string, [string, string]> = {
  complete: ["All done", "Every item has the judgements it needs. Thank you."],
  quota: ["That is your share", "You have reached the number of judgements agreed for you. Thank you."],
  waiting: ["Nothing for you right now", "Others are judging what is left. This page looks again by itself."],
  empty: ["No items yet", "This project has no items. Its owner can add some."],
};

export function Annotate({ project, revise }: { project: Project; revise: string | null }) {
  const [open, setOpen] = useState<Open | null>(null);
  const [none, setNone] = useState<string | null>(null);
  const [answer, setAnswer] = useState<Answer>({});
  const [progress, setProgress] = useState<OwnProgress | null>(null);
  const [raw, setRaw] = useState(false);
  const [toast, setToast] = useState<{ text: string; undo?: boolean } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [skipping, setSkipping] = useState(false);
  const [unsent, setUnsent] = useState(waiting().length);
  const time = useRef(new ActiveTime());
  const heading = useRef<HTMLHeadingElement>(null);
  const comment = useRef<HTMLTextAreaElement>(null);
  const { settings } = project;

  const show = useCallback((next: Open, given: Answer) => {
    setOpen(next);
    setNone(null);
    setAnswer(given);
    time.current.restart();
    scrollTo(0, 0);
    requestAnimationFrame(() => heading.current?.focus({ preventScroll: true }));
  }, []);

  const load = useCallback(async () => {
    try {
      const next = await call("next");
      setProblem(null);
      setProgress(next.progress);
      if (next.kind === "nothing") {
        setOpen(null);
        setNone(next.reason);
      } else
        show(
          { item: next.item, lease: next.lease, revises: null, practice: next.practice },
          loadDraft(next.item.id) ?? {},
        );
    } catch (error) {
      setProblem((error as Error).message);
    }
  }, [show]);

  useEffect(() => {
    if (revise === null) void load();
    else {
      call("judgedItem", { path: { judgement: revise } })
        .then(({ judgement, item }) =>
          show({ item, lease: "", revises: judgement.judgement, practice: false }, judgement.answer),
        )
        .catch((error: Error) => setProblem(error.message));
    }
  }, [load, revise, show]);

  // The lease lives while somebody is here; what waits is sent when the connection returns.
  useEffect(() => {
    const beat = setInterval(
      () => {
        if (open?.lease && document.visibilityState === "visible")
          void call("heartbeat", { path: { lease: open.lease } }).catch(() => undefined);
        if (none === "waiting" || (problem !== null && open === null)) void load();
        if (waiting().length > 0) void flush().then(() => setUnsent(waiting().length));
      },
      Math.min(20_000, (settings.lease_seconds * 1000) / 3),
    );
    const online = (): void =>
      void flush().then(() => (setUnsent(waiting().length), open === null ? load() : undefined));
    addEventListener("online", online);
    return () => (clearInterval(beat), removeEventListener("online", online));
  }, [open, none, problem, load, settings.lease_seconds]);

  useEffect(() => {
    if (toast === null) return undefined;
    const gone = setTimeout(() => setToast(null), 8000);
    return () => clearTimeout(gone);
  }, [toast]);

  const change = (part: Partial<Answer>): void => {
    if (open === null) return;
    const next = { ...answer, ...part };
    setAnswer(next);
    saveDraft(open.item.id, next);
  };

  const submit = async (given: Answer = answer): Promise<void> => {
    if (open === null) return;
    const lacking = missing(given, { task: open.item.task, candidates: open.item.candidates, settings });
    if (lacking !== null) return setToast({ text: `${lacking}.` });
    const { item, lease, revises } = open;
    setOpen(null);
    setSkipping(false);
    const sent = await send({
      project: currentProject(),
      key:
        crypto.randomUUID?.() ??
        Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join(""),
      lease,
      revises,
      answer: given,
      active_ms: time.current.milliseconds(),
      layout: narrow.matches ? "stacked" : "side-by-side",
    });
    // A refused answer comes back with the item, where the server still gives it out.
    if (!("refused" in sent)) dropDraft(item.id);
    setUnsent(waiting().length);
    if ("kept" in sent) setToast({ text: "Kept on this device; it is sent when the connection is back." });
    else if ("refused" in sent) setToast({ text: `Not taken: ${sent.refused}` });
    else {
      const { receipt } = sent;
      setProgress(receipt.progress);
      const feedback = receipt.feedback
        ? receipt.feedback.right
          ? "Practice: right. "
          : `Practice: expected ${receipt.feedback.expected}. `
        : "";
      setToast({
        text: `${feedback}${given.skipped ? "Skipped" : "Saved"}${receipt.late ? ", late: the lease had run out" : ""}.`,
        undo: true,
      });
    }
    if (revise !== null) location.hash = "#/annotate";
    await load();
  };

  const undo = async (): Promise<void> => {
    try {
      const { judgement, item } = await call("undo");
      if (judgement === null || item === null) return setToast({ text: "Nothing to undo." });
      show({ item, lease: "", revises: judgement.judgement, practice: false }, judgement.answer);
      setToast({ text: "Your last answer is open again; the new one will replace it." });
    } catch (error) {
      setToast({
        text:
          error instanceof ApiError && error.status === 0
            ? "Undo needs the connection."
            : (error as Error).message,
      });
    }
  };

  const pair = open?.item.task === "pair" || open?.item.task === "trajectories";
  const ids = [open?.item.candidates[0]?.id ?? "", open?.item.candidates[1]?.id ?? ""] as const;
  const choose = (value: number | "both_bad"): void =>
    change({ ...pairAnswer(value, { ids, settings }), skipped: undefined });
  useKeys(
    {
      submit: () => void submit(),
      undo: () => void undo(),
      skip: () => setSkipping(true),
      raw: () => setRaw(!raw),
      comment: () => comment.current?.focus(),
      ...(pair && {
        digit: (key) => {
          const point = pointsOf(settings)[Number(key) - 1];
          if (point) choose(point.value);
        },
        tie: () => settings.ties && choose(0),
        bothBad: () => settings.both_bad && choose("both_bad"),
      }),
    },
    !skipping,
  );

  useEffect(() => {
    document.title = progress ? `${progress.done} judged - ${project.name}` : project.name;
  }, [progress, project.name]);

  const lacking = open
    ? missing(answer, { task: open.item.task, candidates: open.item.candidates, settings })
    : "";
  return (
    <div class="annotate">
      <div class="visually-hidden" aria-live="polite">
        {toast?.text} {progress && `${progress.done} judged`}
      </div>
      {unsent > 0 && (
        <p class="banner" role="status">
          {unsent} {unsent === 1 ? "judgement waits" : "judgements wait"} on this device for the connection.
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
      {none !== null && (
        <div class="empty">
          <h1>{finished[none]![0]}</h1>
          <p>{finished[none]![1]}</p>
          <p>
            <a href="#/history">See what you judged</a> or{" "}
            <button type="button" class="quiet" onClick={() => void undo()}>
              undo the last
            </button>
          </p>
        </div>
      )}
      {open !== null && (
        <>
          <div class="item-head">
            <h1 ref={heading} tabIndex={-1}>
              {open.revises
                ? "Change your answer"
                : open.practice
                  ? "Practice"
                  : (questions[open.item.task] ?? "Which response is better?")}
            </h1>
            <span class="muted">
              {progress && `${progress.done} judged${progress.quota ? ` of ${progress.quota}` : ""}`}
            </span>
            <button type="button" class="quiet" aria-pressed={raw} onClick={() => setRaw(!raw)}>
              Raw text <kbd>{hint("raw")}</kbd>
            </button>
          </div>
          <Prompt messages={open.item.prompt} images={settings.images} raw={raw} />
          <Answers item={open.item} raw={raw} settings={settings} answer={answer} onAnswer={change} />
          {settings.reasons.length > 0 && (
            <div class="reasons row" role="group" aria-label="Reasons">
              {settings.reasons.map((reason) => {
                const on = answer.reasons?.includes(reason) ?? false;
                return (
                  <button
                    key={reason}
                    type="button"
                    class={on ? "chip on" : "chip"}
                    aria-pressed={on}
                    onClick={() =>
                      change({
                        reasons: on
                          ? answer.reasons!.filter((each) => each !== reason)
                          : [...(answer.reasons ?? []), reason],
                      })
                    }
                  >
                    {reason}
                  </button>
                );
              })}
            </div>
          )}
          {settings.comments && (
            <label class="comment">
              <span>
                Comment <kbd>{hint("comment")}</kbd>
              </span>
              <textarea
                ref={comment}
                rows={1}
                dir="auto"
                maxLength={20_000}
                placeholder="Optional"
                value={answer.comment ?? ""}
                onInput={(event) => change({ comment: event.currentTarget.value || undefined })}
              />
            </label>
          )}
          <div class="dock" role="region" aria-label="Your answer">
            {pair && <ChoiceBar settings={settings} chosen={pointOf(answer, ids)} onChoose={choose} />}
            {open.item.task === "rank" && (
              <RankForm
                candidates={open.item.candidates}
                settings={settings}
                answer={answer}
                onAnswer={change}
              />
            )}
            {open.item.task === "rate" && (
              <RateForm
                candidates={open.item.candidates}
                settings={settings}
                answer={answer}
                onAnswer={change}
              />
            )}
            {open.item.task === "thumbs" && (
              <ThumbsForm
                candidates={open.item.candidates}
                settings={settings}
                answer={answer}
                onAnswer={change}
              />
            )}
            {open.item.task === "steps" && <StepKeys />}
            <div class="dock-end">
              <button type="button" class="quiet" onClick={() => void undo()}>
                Undo <kbd>{hint("undo")}</kbd>
              </button>
              <button type="button" class="quiet" onClick={() => setSkipping(true)}>
                Skip <kbd>{hint("skip")}</kbd>
              </button>
              <button
                type="button"
                class="primary"
                aria-disabled={lacking !== null}
                title={lacking ?? ""}
                onClick={() => void submit()}
              >
                Submit <kbd>{open.item.task === "rewrite" ? `Ctrl ${hint("submit")}` : hint("submit")}</kbd>
              </button>
            </div>
          </div>
        </>
      )}
      {skipping && (
        <SkipDialog
          onClose={() => setSkipping(false)}
          onSkip={(reason) => void submit({ skipped: { reason }, comment: answer.comment })}
        />
      )}
      {toast !== null && (
        <div class="toast">
          {toast.text}
          {toast.undo && (
            <button type="button" class="quiet" onClick={() => void undo()}>
              Undo <kbd>{hint("undo")}</kbd>
            </button>
          )}
        </div>
      )}
    </div>
  );
}

const questions: Record<string, string> = {
  pair: "Which response is better?",
  trajectories: "Which run is better?",
  rank: "Rank the responses, best first",
  rate: "Rate the response",
  thumbs: "Is this a good response?",
  rewrite: "Rewrite the response as it should be",
  steps: "Is each step right?",
};

function Prompt({ messages, images, raw }: { messages: readonly Message[]; images: boolean; raw: boolean }) {
  return (
    <section class="prompt" aria-label="Prompt" tabIndex={0}>
      <Conversation messages={messages} label="the prompt" images={images} raw={raw} />
    </section>
  );
}

function Answers({
  item,
  raw,
  settings,
  answer,
  onAnswer,
}: {
  item: ShownItem;
  raw: boolean;
  settings: Project["settings"];
  answer: Answer;
  onAnswer: (part: Partial<Answer>) => void;
}) {
  const options = { raw, images: settings.images };
  if (item.task === "trajectories" && item.candidates.length === 2)
    return <Trajectories candidates={item.candidates} divergence={item.divergence} {...options} />;
  if (item.task === "steps")
    return (
      <StepsForm
        candidates={item.candidates}
        settings={settings}
        answer={answer}
        onAnswer={onAnswer}
        {...options}
      />
    );
  return (
    <>
      <div class={`panes n${Math.min(item.candidates.length, 3)}`}>
        {item.candidates.map(({ id, messages }, k) => (
          <section key={id} class="pane" aria-labelledby={`pane-${k}`}>
            <h2 id={`pane-${k}`}>Response{item.candidates.length > 1 ? ` ${letter(k)}` : ""}</h2>
            <div class="pane-text" tabIndex={0} role="group" aria-labelledby={`pane-${k}`}>
              <Conversation messages={messages} label={`response ${letter(k)}`} {...options} />
            </div>
          </section>
        ))}
      </div>
      {item.task === "rewrite" && (
        <RewriteForm candidates={item.candidates} settings={settings} answer={answer} onAnswer={onAnswer} />
      )}
    </>
  );
}
