/** From a request to checked values: path, query and body by the schemas of the route, within its size. Knows no session. */
import type { z } from "zod";
import type { Route } from "./api.js";
import { notFound, Refusal } from "./refusal.js";

const largestBody = 2 * 1024 * 1024;

/** PostgreSQL keeps neither NUL nor half a surrogate pair: both become the replacement character, as browsers show them. */
// oxlint-disable-next-line no-control-regex
const clean = (text: string): string => text.replace(/\u0000|\p{Surrogate}/gu, "\uFFFD");

/** For `JSON.parse`: no text and no name in it that cannot be kept. */
function cleaned(_: string, each: unknown): unknown {
  if (typeof each === "string") return clean(each);
  if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
  return Object.fromEntries(Object.entries(each).map(([name, value]) => [clean(name), value]));
}

const deepest = 100;

/** Level by level, for what is too deep to be walked down is what is looked for. Databases and `JSON.stringify` give up on it. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [[value]];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return true;
    level = level.flatMap((each) =>
      Object.values(each as object).filter((below) => typeof below === "object" && below !== null),
    );
  }
  return false;
}

/** Parts of the path are ids: short, and without control characters. Another one names nothing. */
export function readPath(given: Readonly<Record<string, string>>): Record<string, string> {
  for (const value of Object.values(given))
    // oxlint-disable-next-line no-control-regex
    if (value.length > 300 || /[\u0000-\u001f\u007f\p{Surrogate}]/u.test(value)) throw notFound();
  return { ...given };
}

export function readQuery(url: URL, route: Route): unknown {
  if (route.query === undefined) return undefined;
  return check(
    route.query,
    Object.fromEntries([...url.searchParams].map(([name, value]) => [name, clean(value)])),
    "query",
  );
}

export async function readBody(request: Request, route: Route): Promise<unknown> {
  if (route.body === undefined) return undefined;
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Refusal(
      "invalid",
      `content-type: expected application/json, got ${type.slice(0, 100) || "nothing"}`,
    );
  }
  const text = await readText(request, route.bytes ?? largestBody);
  let value: unknown;
  try {
    value = /\\u(?:0000|[dD][89a-fA-F])/.test(text) ? JSON.parse(text, cleaned) : JSON.parse(text);
  } catch {
    throw new Refusal("invalid", "body: expected JSON, got something else");
  }
  if (isTooDeep(value)) throw new Refusal("invalid", `body: expected at most ${deepest} levels, got more`);
  return check(route.body, value, "body");
}

async function readText(request: Request, most: number): Promise<string> {
  const tooLarge = (): Refusal => new Refusal("too_large", `body: expected at most ${most} bytes, got more`);
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge();
  if (request.body === null) return "";
  // A body without a length, or with a wrong one, is counted as it comes.
  const decoder = new TextDecoder();
  let [bytes, text] = [0, ""];
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > most) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function check(schema: z.ZodType, value: unknown, where: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 3)
    .map(
      (issue) =>
        `${[where, ...issue.path].map(String).join(".").slice(0, 200)}: ${issue.message.slice(0, 300)}`,
    );
  throw new Refusal("invalid", issues.join("; "));
}
