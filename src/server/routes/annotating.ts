/** Judging: the next item, the answer, the lease in between. */
import * as store from "../../store/index.js";
import type { Answer, OwnProgress, Receipt } from "../api-schemas.js";
import type { Call, Handler } from "../call.js";
import { checkAnswer } from "../check-answer.js";
import { idOfLetter, letterOf, renameCandidates } from "../letters.js";
import { notFound, Refusal } from "../refusal.js";
import { shownId, shownItem } from "../shown-item.js";

type Names = "next" | "submit" | "heartbeat" | "release" | "revise" | "mine";
type Working = Pick<Call<"next">, "context" | "store" | "caller" | "project">;

export const handlers = {
  async next(call) {
    const { context, store: db, caller, project } = call;
    const { settings } = project;
    const who = { project: project.id, annotator: caller.annotator };
    const leaseSeconds = settings.lease_seconds;
    const standing = await store.standingOf(db, { ...who, leaseSeconds });
    const progress = progressIn(standing.own, call);
    const nothing = (reason: "complete" | "quota" | "waiting" | "empty") => ({
      kind: "nothing" as const,
      reason,
      progress,
    });
    if (progress.quota !== null && progress.done >= progress.quota) return nothing("quota");
    const lease = await store.takeNext(db, {
      ...who,
      standing,
      overlap: settings.overlap,
      leaseSeconds,
      policy: settings.policy,
      goldEvery: settings.gold_every,
      repeatEvery: settings.repeat_every,
      repeatGap: settings.repeat_gap,
      practice: settings.practice,
    });
    if (lease === undefined)
      return nothing(await store.whyNothing(db, { ...who, overlap: settings.overlap }));
    context.metrics.count("leases");
    context.feed.changed(project.id);
    return {
      kind: "item" as const,
      lease: lease.id,
      expires_at: lease.expires_at,
      item: shownItem(lease.row, {
        id: shownId({ ...who, item: lease.item }),
        order: lease.shown_order,
        task: settings.task,
      }),
      guideline_version: lease.guideline,
      practice: lease.purpose === "practice",
      progress,
    };
  },

  async submit(call) {
    const { lease, ...sent } = call.body;
    const result = await store.submit(call.store, { ...taking(call, sent), lease });
    if (result === "unknown")
      throw new Refusal(
        "lease_gone",
        "This item was not given to you, or the server does not know it any more.",
      );
    if (result === "conflict") throw new Refusal("conflict", "This item has been answered already.");
    return receiptOf(call, result);
  },

  async revise(call) {
    const result = await store.revise(call.store, {
      ...taking(call, call.body),
      judgement: call.path.judgement,
    });
    if (result === "unknown") throw notFound("There is no such judgement of yours.");
    if (result === "conflict")
      throw new Refusal("conflict", "This judgement has been replaced already; change the newer one.");
    return receiptOf(call, result);
  },

  async heartbeat({ store: db, caller, project, path }) {
    const { annotator } = caller;
    const lease = {
      project: project.id,
      annotator,
      lease: path.lease,
      leaseSeconds: project.settings.lease_seconds,
    };
    const expires_at = await store.heartbeat(db, lease);
    if (expires_at === undefined)
      throw new Refusal("lease_gone", "The lease has run out; the answer may still be sent.");
    return { lease: path.lease, expires_at };
  },

  async release({ context, store: db, caller, project, path }) {
    const gone = await store.releaseLease(db, {
      project: project.id,
      annotator: caller.annotator,
      lease: path.lease,
    });
    if (!gone) throw notFound("There is no such lease of yours.");
    context.feed.changed(project.id);
    return {};
  },

  async mine(call) {
    const { store: db, caller, project } = call;
    return progressIn(
      await store.ownProgressOf(db, { project: project.id, annotator: caller.annotator }),
      call,
    );
  },
} satisfies { [N in Names]: Handler<N> };

/** What the store needs of an answer. */
function taking(
  { caller, project }: Working,
  {
    key,
    active_ms,
    layout,
    answer,
  }: { key: string; active_ms?: number | undefined; layout?: string | undefined; answer: Answer },
): store.SubmitOptions {
  const { settings } = project;
  return {
    project: project.id,
    annotator: caller.annotator,
    key,
    ...(active_ms !== undefined && { active_ms }),
    ...(layout !== undefined && { layout }),
    ...(settings.webhook !== null && { tellAt: settings.overlap }),
    // Checked in the letters of the screen, so that no refusal names the data's own ids.
    answer: (shown) => {
      const candidates = shown.map((_, place) => letterOf(place));
      return renameCandidates(checkAnswer(answer, { settings, candidates }), idOfLetter(shown));
    },
  };
}

function progressIn(own: store.OwnProgressRow, { caller, project }: Working): OwnProgress {
  const { settings } = project;
  const of = Math.min(settings.practice, own.practiceItems);
  const quotas = [settings.quota, caller.quota].filter((quota) => quota !== null);
  return {
    done: own.done,
    quota: quotas.length === 0 ? null : Math.min(...quotas),
    practice: of === 0 ? null : { done: Math.min(own.practice, of), of, right: own.practiceRight },
  };
}

async function receiptOf(call: Working, stored: store.Stored): Promise<Receipt> {
  const { context, project } = call;
  if (!stored.replayed) {
    context.metrics.count("judgements");
    context.feed.changed(project.id);
    if (project.settings.webhook !== null) context.wakeWebhooks();
  }
  return {
    judgement: stored.judgement,
    late: stored.late,
    replayed: stored.replayed,
    feedback:
      stored.purpose === "practice" && stored.category !== "skip" ? await feedbackOf(call, stored) : null,
    progress: progressIn(stored.own, call),
  };
}

/** After a practice item, and after no other: what was expected, in the letters of the screen. */
async function feedbackOf(
  { store: db, project }: Working,
  { item, judgement, category }: store.Stored,
): Promise<Receipt["feedback"]> {
  const row = await store.findItem(db, { project: project.id, item });
  const judged = await store.findJudgement(db, { project: project.id, id: judgement });
  if (row?.gold == null || judged === undefined) return null;
  const ids = row.candidates.map(({ id }) => id);
  const expected = store.categoryOf({ outcome: row.gold }, ids);
  const letter = (place: number): string => letterOf(judged.shown_order.indexOf(ids[place]!));
  const words: Record<string, string> = {
    first: `${letter(0)} is better`,
    second: ids.length > 1 ? `${letter(1)} is better` : expected,
    tie: "a tie",
    both_bad: "both bad",
  };
  const ranked = expected.replace(/\d+/g, (place) => letter(Number(place) - 1));
  return {
    right: category === expected,
    expected: words[expected] ?? (row.gold.type === "rank" ? ranked : expected),
  };
}
