/** Asks the browser to keep the page itself (web/worker.js), so that it opens without a connection. Knows no screen. */

/** The one script that may become a worker; a name from elsewhere never does. */
const script = "/worker.js";

interface Policies {
  createPolicy(
    name: string,
    rules: { createScriptURL: () => string },
  ): { createScriptURL(of: string): string };
}

/** Does nothing where there are none: over plain HTTP from another machine, in some private windows. */
export function keepPage(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  const policy = trustedTypes?.createPolicy("attune-worker", { createScriptURL: () => script });
  // Refused, everything works as before but for a reload while there is no connection.
  navigator.serviceWorker?.register(policy?.createScriptURL(script) ?? script).catch(() => undefined);
}
