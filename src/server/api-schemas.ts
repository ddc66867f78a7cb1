/**
 * What the HTTP interface sends and takes, as schemas. Times are ISO 8601 text, ids text; null means known to be nothing. What
 * an annotator must not see (gold answers, repeats, models' names, others' answers) has no place in what annotators get.
 */
import { z } from "zod";
import { Candidate, Message, Outcome, ToolSchema } from "../records/index.js";

export const Role = z.enum(["owner", "reviewer", "annotator"]);

export const Session = z.strictObject({
  /** Pseudonym, e.g. `a-7f3k`. */
  annotator: z.string(),
  role: Role,
  /** Null: an owner of all projects. */
  project: z.string().nullable(),
  /** To be sent as header `x-attune-csrf` with every request that is not a GET. */
  csrf: z.string(),
  expires_at: z.string(),
});

/** The error body of every refusal. `code` is for programs. */
export const ApiError = z.strictObject({
  error: z.strictObject({
    code: z.enum([
      "unauthenticated",
      "forbidden",
      "not_found",
      "invalid",
      "conflict",
      "lease_gone",
      "too_large",
      "too_many",
      "unavailable",
      "internal",
    ]),
    message: z.string(),
    /** The same id stands in the server's log. */
    request: z.string(),
  }),
});
export type ApiError = z.infer<typeof ApiError>;

export const Task = z.enum(["pair", "rank", "rate", "thumbs", "rewrite", "steps", "trajectories"]);
export type Task = z.infer<typeof Task>;

export const Attribute = z.strictObject({
  name: z.string().min(1),
  description: z.string().optional(),
  min: z.number().default(1),
  max: z.number().default(5),
});

export const ProjectSettings = z.strictObject({
  task: Task.default("pair"),
  /** Judgements wanted for each item. */
  overlap: z.number().int().min(1).max(100).default(1),
  /** Points of the strength scale: 0 asks for a side only; 5 (or 7) has two (three) degrees a side around the tie. */
  strength: z.union([z.literal(0), z.literal(5), z.literal(7)]).default(7),
  ties: z.boolean().default(true),
  both_bad: z.boolean().default(true),
  attributes: z.array(Attribute).default([]),
  reasons: z.array(z.string()).default([]),
  comments: z.boolean().default(true),
  /** Show images of candidates. Off: nothing is fetched. */
  images: z.boolean().default(false),
  policy: z.enum(["least-judged", "active"]).default("least-judged"),
  /** Every how many items a gold item comes; 0: never. */
  gold_every: z.number().int().min(0).default(10),
  /** Every how many items one of mine comes again with sides swapped; 0: never. */
  repeat_every: z.number().int().min(0).default(0),
  /** A repeat comes at least so many items after its first showing. */
  repeat_gap: z.number().int().min(1).default(10),
  /** Practice items before the first real one. */
  practice: z.number().int().min(0).default(0),
  /** Judgements of one annotator at most; null: no limit. */
  quota: z.number().int().min(1).nullable().default(null),
  /** Without a heartbeat the item goes to somebody else after so long. */
  lease_seconds: z.number().int().min(5).max(86_400).default(300),
  /** Called (POST, signed) when an item is complete: it has all its judgements, or a reviewer has decided it before. */
  webhook: z
    .strictObject({ url: z.url({ protocol: /^https?$/ }), secret: z.string().min(16) })
    .nullable()
    .default(null),
});
export type ProjectSettings = z.infer<typeof ProjectSettings>;

/** Some of the settings; those that are not given have no default here, so that they stay. */
export const SettingsChange = z.strictObject(
  Object.fromEntries(
    Object.entries(ProjectSettings.shape).map(([name, schema]) => [
      name,
      (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional(),
    ]),
  ),
) as unknown as z.ZodType<Partial<ProjectSettings>, Partial<z.input<typeof ProjectSettings>>>;

export const Guideline = z.strictObject({
  version: z.number().int(),
  markdown: z.string(),
  created_at: z.string(),
});
export type Guideline = z.infer<typeof Guideline>;

export const Project = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** The webhook's secret is not shown. */
  settings: ProjectSettings.extend({ webhook: z.strictObject({ url: z.string() }).nullable() }),
  guideline: Guideline.nullable(),
  created_at: z.string(),
});
export type Project = z.infer<typeof Project>;

export const NewProject = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "small letters, digits and hyphens"),
  name: z.string().min(1).max(200),
  settings: ProjectSettings.partial().default({}),
  guideline: z.string().max(200_000).optional(),
});

/** A candidate as annotators see it: no model, no settings, nothing that tells where it is from. */
export const ShownCandidate = z.strictObject({ id: z.string(), messages: z.array(Message) });

export const ShownItem = z.strictObject({
  id: z.string(),
  task: Task,
  prompt: z.array(Message),
  tools: z.array(ToolSchema).optional(),
  /** In the order to show them. Ids are `A`, `B`, `C`, … by place: the data's own may tell the model. Answers use them. */
  candidates: z.array(ShownCandidate),
  /** For two trajectories: index of the first message in which they differ. */
  divergence: z.number().int().nullable(),
});
export type ShownItem = z.infer<typeof ShownItem>;

export const OwnProgress = z.strictObject({
  done: z.number().int(),
  quota: z.number().int().nullable(),
  /** Of the practice items; null when there is none. */
  practice: z.strictObject({ done: z.number(), of: z.number(), right: z.number() }).nullable(),
});
export type OwnProgress = z.infer<typeof OwnProgress>;

export const Next = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("item"),
    lease: z.string(),
    expires_at: z.string(),
    item: ShownItem,
    guideline_version: z.number().int().nullable(),
    practice: z.boolean(),
    progress: OwnProgress,
  }),
  z.strictObject({
    kind: z.literal("nothing"),
    /** `waiting`: others hold what is left; ask again later. */
    reason: z.enum(["complete", "quota", "waiting", "empty"]),
    progress: OwnProgress,
  }),
]);
export type Next = z.infer<typeof Next>;

/** What was decided, naming candidates by the ids that came with them (annotators: `A`, `B`; reviewers: the data's own). */
export const Answer = z.strictObject({
  outcome: Outcome.optional(),
  /** -3 (the first shown is much better) to 3. */
  strength: z.number().int().min(-3).max(3).nullish(),
  tie: z.enum(["equal", "both_good", "both_bad"]).nullish(),
  /** Attribute, then candidate id, to its score. */
  attributes: z.record(z.string(), z.record(z.string(), z.number())).optional(),
  reasons: z.array(z.string().max(200)).max(50).optional(),
  comment: z.string().max(20_000).optional(),
  skipped: z.strictObject({ reason: z.string().min(1).max(200) }).optional(),
});
export type Answer = z.infer<typeof Answer>;

/** An answer as it was kept: what was imported may be longer, and freer, than what is taken here. */
export const KeptAnswer = z.strictObject({
  ...Answer.shape,
  strength: z.number().nullish(),
  attributes: Answer.shape.attributes.catch(undefined),
  reasons: z.array(z.string()).optional(),
  comment: z.string().optional(),
  skipped: z.strictObject({ reason: z.string() }).optional(),
});

const timing = {
  /** Same key, same judgement: make it once for each submit (a UUID) and keep it for retries. */
  key: z.string().min(8).max(100),
  /** Milliseconds with the page in view and somebody there. */
  active_ms: z.number().min(0).max(86_400_000).optional(),
  /** `side-by-side` or `stacked`: a position effect too. */
  layout: z.enum(["side-by-side", "stacked"]).optional(),
};
export const Submission = z.strictObject({ ...timing, lease: z.string(), answer: Answer });
export const Revision = z.strictObject({ ...timing, answer: Answer });

export const Receipt = z.strictObject({
  judgement: z.string(),
  /** The lease had run out; the answer is kept, and marked. */
  late: z.boolean(),
  /** The key was known: this is the receipt of the first time. */
  replayed: z.boolean(),
  /** Only after a practice item. */
  feedback: z.strictObject({ right: z.boolean(), expected: z.string() }).nullable(),
  progress: OwnProgress,
});
export type Receipt = z.infer<typeof Receipt>;

export const HistoryEntry = z.strictObject({
  judgement: z.string(),
  item: z.string(),
  submitted_at: z.string(),
  active_ms: z.number().nullable(),
  answer: KeptAnswer,
  /** What it replaced. */
  revision_of: z.string().nullable(),
  /** Whether something of mine has replaced it. */
  replaced: z.boolean(),
  /** Start of the prompt. */
  excerpt: z.string(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const ReviewJudgement = z.strictObject({
  judgement: z.string(),
  annotator: z.string(),
  answer: KeptAnswer,
  shown_order: z.array(z.string()),
  late: z.boolean(),
  submitted_at: z.string(),
  active_ms: z.number().nullable(),
  /** How the statistics count it: `first`, `second`, `tie`, `both_bad`, `skip`, … */
  category: z.string(),
});

export const Adjudication = z.strictObject({ answer: Answer, reason: z.string().max(5000).optional() });
export const Adjudicated = z.strictObject({
  by: z.string(),
  at: z.string(),
  answer: KeptAnswer,
  reason: z.string().nullable(),
});

export const ReviewItem = z.strictObject({
  item: ShownItem.omit({ candidates: true }),
  /** In the data's own order, with their sources. */
  candidates: z.array(Candidate),
  gold: z.unknown().nullable(),
  /** Share of pairs of judgements that differ, 0 to 1. */
  disagreement: z.number(),
  judgements: z.array(ReviewJudgement),
  adjudicated: Adjudicated.nullable(),
});
export type ReviewItem = z.infer<typeof ReviewItem>;

/** A number with its interval; null where it is undefined, with the reason in `note`. */
export const Estimate = z.strictObject({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  note: z.string().nullable(),
});
export type Estimate = z.infer<typeof Estimate>;

export const Agreement = z.strictObject({
  items: z.number(),
  judgements: z.number(),
  annotators: z.number(),
  /** How many judgements fell in each category. */
  categories: z.array(z.strictObject({ name: z.string(), count: z.number() })),
  percent: Estimate,
  alpha: Estimate,
  fleiss: Estimate,
  ac1: Estimate,
  /** Share of decided pairs in which the left answer won, Wilson interval, exact p against one half. */
  left: Estimate.extend({ p: z.number().nullable() }),
  /** At best so accurate can a model be on such labels. */
  ceiling: Estimate,
  tie_rate: Estimate,
  skip_rate: Estimate,
  /** One sentence each: what the numbers mean and what they do not. */
  words: z.array(z.string()),
});
export type Agreement = z.infer<typeof Agreement>;

export const AgreementPairs = z.strictObject({
  /** Who agrees most with the others first. */
  people: z.array(z.string()),
  /** Each two who judged an item in common, once: `one` stands before `other` in `people`. */
  pairs: z.array(
    z.strictObject({
      one: z.string(),
      other: z.string(),
      /** Items that both judged, and on which they said the same. */
      compared: z.number(),
      agreed: z.number(),
      agreement: z.number(),
      low: z.number(),
      high: z.number(),
      /** Than all pairs together, beyond what chance explains over as many pairs. */
      unlike: z.enum(["more", "less"]).nullable(),
    }),
  ),
  /** Share of the same answer over all pairs; null without any. */
  overall: z.number().nullable(),
  /** People who share items and are not shown, because others share more. */
  left_out: z.number(),
});

export const GroupAgreement = z.strictObject({
  /** Groups that items are in and somebody judged; at most 50, those with the most judgements. */
  groups: z.array(
    z.strictObject({
      group: z.string(),
      items: z.number(),
      judgements: z.number(),
      /** People who are given this group and not everything. */
      annotators: z.number(),
      percent: Estimate,
      alpha: Estimate,
    }),
  ),
  left_out: z.number(),
});
export type GroupAgreement = z.infer<typeof GroupAgreement>;

export const AnnotatorRow = z.strictObject({
  annotator: z.string(),
  role: Role,
  judgements: z.number(),
  skips: z.number(),
  ties: z.number(),
  late: z.number(),
  left: Estimate.extend({ p: z.number().nullable() }),
  /** With the others on the same items. */
  agreement: Estimate,
  gold: Estimate,
  /** Own repeats, sides swapped. */
  consistency: Estimate,
  mean_active_ms: z.number().nullable(),
  quota: z.number().nullable(),
  /** Groups of items that are given to this person; null: all items. */
  groups: z.array(z.string()).nullable(),
  disabled: z.boolean(),
  last_at: z.string().nullable(),
});
export type AnnotatorRow = z.infer<typeof AnnotatorRow>;

export const Leaderboard = z.strictObject({
  rows: z.array(
    z.strictObject({
      model: z.string(),
      /** Natural-log strength, mean 0. */
      strength: z.number(),
      low: z.number(),
      high: z.number(),
      comparisons: z.number(),
      wins: z.number(),
      ties: z.number(),
    }),
  ),
  words: z.array(z.string()),
});
export type Leaderboard = z.infer<typeof Leaderboard>;

export const BrowserItem = z.strictObject({
  id: z.string(),
  excerpt: z.string(),
  candidates: z.number(),
  judgements: z.number(),
  status: z.enum(["open", "complete", "adjudicated"]),
  role: z.enum(["task", "gold", "practice"]),
});

export const NewItem = z.strictObject({
  id: z.string().min(1).max(200),
  prompt: z.array(Message),
  tools: z.array(ToolSchema).optional(),
  candidates: z.array(Candidate).min(1).max(50),
  group: z.string().optional(),
  /** The right outcome, for gold and practice items. */
  gold: Outcome.optional(),
  role: z.enum(["task", "gold", "practice"]).optional(),
  /** How unsure the reward-model ensemble is (spread of its margins), for active choice. */
  uncertainty: z.number().min(0).optional(),
});
export type NewItem = z.infer<typeof NewItem>;

export const ExportQuery = z.strictObject({
  to: z.enum(["dpo", "kto", "reward", "stepwise", "ranked", "dump"]).default("dpo"),
  /** What becomes of ties: left out, or kept as a pair with `soft_label` one half. */
  ties: z.enum(["drop", "keep"]).default("drop"),
  /** Add the share of annotators for the chosen answer. */
  soft_labels: z.enum(["true", "false"]).default("false"),
});

export const NewInvitation = z.strictObject({
  role: Role.default("annotator"),
  /** How many people may use the link. */
  uses: z.number().int().min(1).max(10_000).default(1),
  /** Hours until it ends. */
  hours: z
    .number()
    .min(1)
    .max(24 * 365)
    .default(24 * 14),
});
export const Invitation = z.strictObject({
  id: z.string(),
  role: Role,
  uses_left: z.number(),
  expires_at: z.string(),
  created_at: z.string(),
});

export const Progress = z.strictObject({
  items: z.number(),
  complete: z.number(),
  judgements: z.number(),
  /** Judgements still wanted. */
  wanted: z.number(),
  annotators: z.number(),
  leases: z.number(),
});
export type Progress = z.infer<typeof Progress>;
