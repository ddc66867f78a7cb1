/**
 * Posts JSON and waits for a server that is away: attempts grow apart, and only then comes the error `network`, on which a run
 * can checkpoint and stop. Knows no protocol above HTTP.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AttuneError } from "../errors.js";

export interface PostOptions {
  /** Seconds that one attempt may take. */
  timeoutSeconds: number;
  /** Attempts after the first. */
  retries: number;
  /** Seconds before the second attempt; each wait is twice the last, at most 30, or what the server asks for (Retry-After). */
  retryDelaySeconds: number;
  headers?: Readonly<Record<string, string>> | undefined;
  signal: AbortSignal;
  /** For the error. */
  where: string;
  /** What is expected from the address. */
  expected: string;
}

const longestWait = 30;
/** Worth asking again: too many requests, time-outs, and errors of the server. */
const passing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** Throws `config` for an address that is none. */
export function checkAddress(where: string, url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new AttuneError("config", { where, expected: "an http or https address", got: url });
}

/** The answer: JSON where it is, else its text. */
export async function postJson(url: string, body: unknown, options: PostOptions): Promise<unknown> {
  const { retries, retryDelaySeconds, signal, where, expected } = options;
  const text = JSON.stringify(body);
  let last = "";
  let asked = 0;
  for (let attempt = 0; attempt <= retries; attempt++) {
    if (attempt > 0) {
      const wait = Math.max(asked, retryDelaySeconds * 2 ** (attempt - 1));
      await sleep(Math.min(longestWait, wait) * 1000, undefined, { signal });
    }
    const answer = await once(url, text, options);
    if ("data" in answer) return answer.data;
    last = answer.problem;
    asked = answer.wait;
    if (!answer.again) break;
  }
  throw new AttuneError("network", {
    where,
    expected: `${expected} from ${url}`,
    got: last,
    fix: "look whether the server is up; what was done can be gone on with",
  });
}

type Answer = { data: unknown } | { problem: string; again: boolean; wait: number };

async function once(
  url: string,
  body: string,
  { timeoutSeconds, headers, signal }: PostOptions,
): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      // What is sent, a key among it, goes where it was told to and nowhere else.
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await response.text();
    if (!response.ok) {
      const to = response.headers.get("location");
      const problem = `status ${response.status}${to === null ? "" : ` to ${to.slice(0, 200)}, which is not followed`}: ${text.slice(0, 200)}`;
      const wait = Number(response.headers.get("retry-after") ?? 0);
      return { problem, again: passing(response.status), wait: wait > 0 ? wait : 0 };
    }
    return { data: parsed(text) };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) return { problem: `no answer within ${timeoutSeconds} s`, again: true, wait: 0 };
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
    return { problem: reason, again: true, wait: 0 };
  }
}

/** What is no JSON stays text, and is refused as such by the one who asked. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
