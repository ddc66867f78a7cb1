/**
 * Where a request may come from. The Host header must be a name that this server answers to, so that a foreign name pointed at it (DNS
 * rebinding) gets nothing; what changes something must come from the page itself. Knows no session.
 */
import { isIP } from "node:net";
import { Refusal } from "./refusal.js";

/** The name without its port: `[::1]:80` is `::1`. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(host);
  return (bracketed?.[1] ?? host.replace(/:\d+$/, "")).toLowerCase();
}

/** Addresses are safe: rebinding needs a name. Names are those of this machine's loopback and those that the owner gave. */
export function checkHost(host: string | null, names: readonly string[]): void {
  const name = nameOf(host ?? "");
  if (name !== "" && (isIP(name) !== 0 || name === "localhost" || names.includes(name))) return;
  throw new Refusal("forbidden", "This server does not answer to that name; its owner can allow it.");
}

/** Throws for a request that a page from elsewhere made. Programs send no Origin and pass. */
export function checkOrigin(request: Request): void {
  const { headers, method } = request;
  const site = headers.get("sec-fetch-site");
  const origin = headers.get("origin");
  const foreign = new Refusal("forbidden", "Requests from other pages are refused.");
  if (site !== null && site !== "same-origin" && site !== "none") throw foreign;
  if (origin === null || (method === "GET" && site !== null)) return;
  // A proxy may speak TLS for us, so the scheme can differ; the host cannot.
  let from: string;
  try {
    from = new URL(origin).host;
  } catch {
    throw foreign;
  }
  if (from !== headers.get("host")?.toLowerCase()) throw foreign;
}
