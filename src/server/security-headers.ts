/** The headers that keep the page and the replies harmless. Knows no route. */

/**
 * Nothing but the page's own files; scripts can make no markup but through DOMPurify's policy, and the
 * name of the one service worker comes through `attune-worker`. `images` lets the browser fetch images
 * that candidates point to: only where a project's owner allowed it.
 */
export const contentPolicy = ({ images = false }: { images?: boolean } = {}): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self'${images ? " https: http:" : ""}`,
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify attune-worker 'allow-duplicates'",
  ].join("; ");

/** Of the service worker: it fetches the page's own files and can load nothing. */
export const workerPolicy = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";

/** On every reply. A reply that is no page may load nothing at all. */
export const commonHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
};
