/** What the page asks of the server, and how: one function a route, bearer token, errors in words. Knows no screen. */

export interface ToolCall {
  id?: string;
  function: { name: string; arguments: unknown };
}
export interface Message {
  role: string;
  content?: string | null;
  tool_calls?: ToolCall[];
  name?: string;
  tool_call_id?: string;
  reasoning_content?: string;
  error?: boolean;
}
export interface Candidate {
  id: string;
  messages: Message[];
}
export type TaskType = "pair" | "rank" | "attributes" | "thumbs" | "rewrite" | "steps" | "trajectories";
export interface Attribute {
  name: string;
  min: number;
  max: number;
  /** What the ends of the scale mean. */
  low?: string;
  high?: string;
}
export interface Task {
  type: TaskType;
  question?: string;
  /** 3, 5 or 7 points from A to B; default 7. */
  points?: number;
  attributes?: Attribute[];
  reasons?: string[];
  allowImages?: boolean;
}
export interface Progress {
  done: number;
  total: number;
}
export interface Work {
  lease: string;
  item: { id: string; prompt: Message[] };
  /** In the order to show them, left to right. */
  candidates: Candidate[];
  task: Task;
  progress: Progress;
  practice?: boolean;
}
export interface Decision {
  outcome?: unknown;
  strength?: number;
  tie?: "equal" | "both_bad";
  attributes?: Record<string, Record<string, number>>;
  reasons?: string[];
  comment?: string;
  skipped?: { reason: string };
}
export interface Submission extends Decision {
  /** Made by the page, so that sending twice is harmless. */
  id: string;
  item: string;
  lease: string;
  shown_order: string[];
  started_at: string;
  active_ms: number;
  layout: "side" | "stacked";
  revision_of?: string;
}
export interface Me {
  id: string;
  role: "owner" | "reviewer" | "annotator";
  project: string;
  title: string;
}
export interface Judged {
  id: string;
  item: string;
  prompt: string;
  answer: string;
  at: string;
  active_ms: number;
}
export interface Disagreement {
  item: { id: string; prompt: Message[] };
  /** In content order. */
  candidates: Candidate[];
  judgements: { annotator: string; answer: string; comment?: string }[];
  resolved?: string;
}
export interface Interval {
  low: number;
  high: number;
}
export interface Number_ {
  name: string;
  value: number | null;
  interval: Interval | null;
  means: string;
}
export interface AgreementPage {
  items: number;
  judgedTwice: number;
  judgements: number;
  coefficients: Number_[];
  left: { rate: number; interval: Interval; p: number; decided: number } | null;
  ceiling: { lowest: number | null; highest: number | null } | null;
  annotators: {
    annotator: string;
    judgements: number;
    agreement: number | null;
    leftRate: number | null;
    medianSeconds: number | null;
    gold: { right: number; shown: number } | null;
  }[];
  pairs: { first: string; second: string; items: number; agreement: number | null }[];
}
export interface LeaderboardPage {
  comparisons: number;
  rows: { model: string; elo: number; interval: Interval; comparisons: number; ranks: { best: number; worst: number } }[];
  warnings: string[];
}
export interface Guideline {
  version: string;
  text: string;
  at: string;
}
export interface ProjectSettings {
  title: string;
  task: Task;
  overlap: number;
  quota: number | null;
  goldShare: number;
  repeatShare: number;
  policy: "least_judged" | "uncertain";
}
export interface Listed {
  id: string;
  prompt: string;
  candidates: number;
  judgements: number;
  status: string;
}
export interface ExportChoices {
  format: string;
  ties: "drop" | "keep" | "half";
  combine: "majority" | "all" | "soft";
}

/** The server said no, or was not there (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const tokenKey = "attune.token";

/** From the address (`#token=...`, which is never sent to a server), kept for this tab, and taken out of the address. */
export function readToken(): string {
  const found = /[#&?]token=([^&]+)/.exec(location.hash) ?? /[?&]token=([^&]+)/.exec(location.search);
  if (found) {
    sessionStorage.setItem(tokenKey, decodeURIComponent(found[1]!));
    history.replaceState(null, "", `${location.pathname}#/annotate`);
  }
  return sessionStorage.getItem(tokenKey) ?? "";
}

async function call<T>(path: string, { method = "GET", body }: { method?: string; body?: unknown } = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`api/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${readToken()}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new ApiError(0, "The server cannot be reached. What you judge is kept on this device and sent later.");
  }
  if (response.status === 204) return null as T;
  const type = response.headers.get("content-type") ?? "";
  const content: unknown = type.includes("json") ? await response.json() : await response.text();
  if (!response.ok) throw new ApiError(response.status, wordsOf(content) ?? `The server answered ${response.status}.`);
  return content as T;
}

function wordsOf(content: unknown): string | undefined {
  const error = (content as { error?: unknown; message?: unknown } | null)?.error;
  if (typeof error === "string") return error;
  const nested = (error as { message?: unknown } | undefined)?.message ?? (content as { message?: unknown })?.message;
  return typeof nested === "string" ? nested : undefined;
}

export const api = {
  me: () => call<Me>("me"),
  next: () => call<Work | null>("next", { method: "POST" }),
  submit: (submission: Submission) => call<{ id: string }>("judgements", { method: "POST", body: submission }),
  work: (judgement: string) => call<Work>(`judgements/${encodeURIComponent(judgement)}/work`),
  mine: () => call<Judged[]>("judgements/mine"),
  disagreements: () => call<Disagreement[]>("disagreements"),
  resolve: (item: string, body: { chosen: string | null; reason: string }) =>
    call<null>(`disagreements/${encodeURIComponent(item)}`, { method: "POST", body }),
  agreement: () => call<AgreementPage>("agreement"),
  leaderboard: () => call<LeaderboardPage>("leaderboard"),
  guidelines: () => call<Guideline[]>("guidelines"),
  saveGuideline: (text: string) => call<Guideline>("guidelines", { method: "POST", body: { text } }),
  settings: () => call<ProjectSettings>("settings"),
  saveSettings: (body: ProjectSettings) => call<ProjectSettings>("settings", { method: "PUT", body }),
  items: (query: string, from: number) =>
    call<{ items: Listed[]; total: number }>(`items?from=${from}&q=${encodeURIComponent(query)}`),
  export: (choices: ExportChoices) => call<string>(`export?${new URLSearchParams({ ...choices }).toString()}`),
  invite: (role: string) => call<{ url: string }>("invitations", { method: "POST", body: { role } }),
};
