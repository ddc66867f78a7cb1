/**
 * Codes that open the page as the owner once, within a minute: for what others on the machine may come to see, where the owner's token has
 * no business. Kept in memory, as hashes. Knows no request.
 */
import { createHash, randomBytes } from "node:crypto";

export interface Openings {
  make(): string;
  /** Whether it is one, which it is no more after that. */
  take(code: string): boolean;
}

const hashOf = (code: string): string => createHash("sha256").update(code).digest("base64url");

export const openingSeconds = 60;

export function createOpenings(now: () => number = Date.now): Openings {
  const ends = new Map<string, number>();
  return {
    make() {
      for (const [hash, end] of ends) if (end <= now()) ends.delete(hash);
      const code = randomBytes(24).toString("base64url");
      ends.set(hashOf(code), now() + openingSeconds * 1000);
      return code;
    },
    take(code) {
      const hash = hashOf(code);
      const end = ends.get(hash) ?? 0;
      ends.delete(hash);
      return end > now();
    },
  };
}
