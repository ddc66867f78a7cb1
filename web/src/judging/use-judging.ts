/** The life of an item on the screen: leased, drafted, submitted, undone; the connection may come and go. Knows no markup. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import {
  type Answer,
  ApiError,
  call,
  currentProject,
  type OwnProgress,
  type Project,
  type ShownItem,
} from "../api.js";
import { missing } from "../tasks/missing.js";
import { ActiveTime } from "./active-time.js";
import { dropDraft, flush, loadDraft, newKey, saveDraft, send, type Sent, waiting } from "./outbox.js";

export interface Open {
  item: ShownItem;
  lease: string;
  /** The judgement that a new answer would replace. */
  revises: string | null;
  practice: boolean;
}
export interface Said {
  text: string;
  undo?: boolean;
}
export type Nothing = "complete" | "quota" | "waiting" | "empty";

const narrow = matchMedia("(max-width: 900px)");

export function useJudging({ settings }: Project, revise: string | null) {
  const [open, setOpen] = useState<Open | null>(null);
  const [nothing, setNothing] = useState<Nothing | null>(null);
  const [answer, setAnswer] = useState<Answer>({});
  const [progress, setProgress] = useState<OwnProgress | null>(null);
  const [said, say] = useState<Said | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [unsent, setUnsent] = useState(waiting().length);
  const [leaseGone, setLeaseGone] = useState(false);
  /** While true the item that was answered stays on the screen: nothing jumps until the next is there. */
  const [sending, setSending] = useState(false);
  const time = useRef(new ActiveTime());

  const show = useCallback((next: Open, given: Answer) => {
    setOpen(next);
    setNothing(null);
    setProblem(null);
    setLeaseGone(false);
    setAnswer(given);
    time.current.restart();
    scrollTo(0, 0);
  }, []);

  const load = useCallback(async () => {
    try {
      const next = await call("next");
      setProblem(null);
      setProgress(next.progress);
      if (next.kind === "nothing") {
        setOpen(null);
        setNothing(next.reason);
      } else
        show(
          { item: next.item, lease: next.lease, revises: null, practice: next.practice },
          loadDraft(next.item.id) ?? {},
        );
    } catch (error) {
      setOpen(null);
      setProblem((error as Error).message);
    }
  }, [show]);

  /** What waits goes first: the server would give an item that was answered meanwhile once more. */
  const flushAll = useCallback(async () => {
    if (waiting().length === 0) return;
    await flush();
    setUnsent(waiting().length);
  }, []);

  useEffect(() => {
    if (revise === null) void flushAll().then(load);
    else {
      call("judgedItem", { path: { judgement: revise } })
        .then(({ judgement, item }) =>
          show({ item, lease: "", revises: judgement.judgement, practice: false }, judgement.answer),
        )
        .catch((error: Error) => setProblem(error.message));
    }
  }, [load, revise, show, flushAll]);

  // The lease lives while somebody is here; what waits is sent when the connection returns, which may be at once.
  useLayoutEffect(() => {
    const beat = (): void => {
      if (document.visibilityState !== "visible") return;
      if (open?.lease)
        call("heartbeat", { path: { lease: open.lease } }).then(
          () => setLeaseGone(false),
          (error: unknown) => error instanceof ApiError && error.status === 409 && setLeaseGone(true),
        );
      const looks = nothing === "waiting" || (problem !== null && open === null);
      void flushAll().then(() => (looks ? load() : undefined));
    };
    const online = (): void => void flushAll().then(() => (open === null ? load() : undefined));
    const timer = setInterval(beat, Math.min(20_000, (settings.lease_seconds * 1000) / 3));
    addEventListener("online", online);
    document.addEventListener("visibilitychange", beat);
    return () => {
      clearInterval(timer);
      removeEventListener("online", online);
      document.removeEventListener("visibilitychange", beat);
    };
  }, [open, nothing, problem, load, flushAll, settings.lease_seconds]);

  useEffect(() => {
    if (said === null) return undefined;
    const gone = setTimeout(() => say(null), 8000);
    return () => clearTimeout(gone);
  }, [said]);

  const lacking = open && missing(answer, { ...open.item, settings });
  const change = (part: Partial<Answer>): void => {
    if (open === null || sending) return;
    const next = { ...answer, ...part };
    setAnswer(next);
    saveDraft(open.item.id, next);
  };

  const submit = async (given: Answer = answer): Promise<void> => {
    if (open === null || sending) return;
    if (!given.skipped && lacking !== null) return say({ text: `${lacking}.` });
    const { item, lease, revises } = open;
    setSending(true);
    const sent = await send({
      project: currentProject(),
      key: newKey(),
      lease,
      revises,
      answer: given,
      active_ms: time.current.milliseconds(),
      layout: narrow.matches ? "stacked" : "side-by-side",
    });
    // A refused answer comes back with the item, where the server still gives it out.
    if (!("refused" in sent)) dropDraft(item.id);
    setUnsent(waiting().length);
    if ("receipt" in sent) setProgress(sent.receipt.progress);
    say(outcomeOf(sent, given));
    if (revise !== null) location.hash = "#/annotate";
    await load();
    setSending(false);
  };

  const undo = async (): Promise<void> => {
    if (sending) return;
    try {
      const { judgement, item } = await call("undo");
      if (judgement === null || item === null) return say({ text: "Nothing to undo." });
      show({ item, lease: "", revises: judgement.judgement, practice: false }, judgement.answer);
      say({ text: "Your last answer is open again; the new one will replace it." });
    } catch (error) {
      const offline = error instanceof ApiError && error.status === 0;
      say({ text: offline ? "Undo needs the connection." : (error as Error).message });
    }
  };

  return {
    open,
    nothing,
    answer,
    progress,
    said,
    problem,
    unsent,
    leaseGone,
    sending,
    /** Why it cannot be submitted yet. */
    lacking,
    change,
    submit,
    undo,
    load,
  };
}

function outcomeOf(sent: Sent, given: Answer): Said {
  if ("kept" in sent) return { text: "Kept on this device; it is sent when the connection is back." };
  if ("refused" in sent) return { text: `Not taken: ${sent.refused}` };
  const { feedback, late } = sent.receipt;
  const practice = feedback
    ? feedback.right
      ? "Practice: right. "
      : `Practice: expected ${feedback.expected}. `
    : "";
  return {
    text: `${practice}${given.skipped ? "Skipped" : "Saved"}${late ? ", late: the lease had run out" : ""}.`,
    undo: true,
  };
}
