/**
 * The page's service worker: without a connection, or while the server cannot answer, the page itself still opens. Keeps the files of the
 * shell and nothing else: no reply of the interface, no address that was visited, no token. `build.mjs` writes `shell` above this text:
 * the path of each file and the SHA-256 of what it holds. Knows no judgement.
 */
/* global shell -- by build.mjs */

const prefix = "attune-shell-";

/** Of bytes, as hexadecimal. */
async function digest(bytes) {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** All files of this version or none: what the server has meanwhile replaced is not mixed in. */
async function install() {
  const cache = await caches.open(prefix + shell.version);
  await Promise.all(
    Object.entries(shell.files).map(async ([path, expected]) => {
      const response = await fetch(path, { credentials: "omit", cache: "no-cache" });
      if (!response.ok || (await digest(await response.clone().arrayBuffer())) !== expected)
        throw new Error(`${path} is not of this version`);
      await cache.put(path, response);
    }),
  );
  await self.skipWaiting();
}

async function activate() {
  for (const name of await caches.keys())
    if (name.startsWith(prefix) && name !== prefix + shell.version) await caches.delete(name);
  await self.clients.claim();
}

const kept = async (path) => (await caches.open(prefix + shell.version)).match(path);

/** The server's own answer wherever there is one, so that its policy is the one of today. */
async function fresh(request, path) {
  try {
    const response = await fetch(request);
    return response.status >= 500 ? ((await kept(path)) ?? response) : response;
  } catch (cause) {
    const found = await kept(path);
    if (found === undefined) throw cause;
    return found;
  }
}

/** Under `/assets/` a name holds the hash of its content. */
const keptFirst = async (request, path) => (await kept(path)) ?? fetch(request);

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  const isPage = request.mode === "navigate" && /^\/(?:index\.html|(?:join|invite)\/[^/]+)?$/.test(pathname);
  if (isPage) event.respondWith(fresh(request, "/"));
  else if (pathname !== "/" && Object.hasOwn(shell.files, pathname))
    event.respondWith(
      pathname.startsWith("/assets/") ? keptFirst(request, pathname) : fresh(request, pathname),
    );
});
