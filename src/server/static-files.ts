/**
 * The built page from a folder. Its files are read once, at the start, and only those are served: no path of a request ever reaches
 * the disk. Knows no route of the interface.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AttuneError } from "../errors.js";
import { contentPolicy, workerPolicy } from "./security-headers.js";

/** Undefined for what is no file of the page. */
export type StaticFiles = (request: Request) => Promise<Response | undefined>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

/** Where `npm run build` puts the page, seen from the built and from the source files. */
export function builtPage(): string {
  const folders = ["../web/", "../../dist/web/"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = folders.find((folder) => existsSync(join(folder, "index.html")));
  if (found !== undefined) return found;
  throw new AttuneError("io", {
    where: folders[0]!,
    expected: "the built page (index.html)",
    got: "nothing",
    fix: "npm run build, or install attune again",
  });
}

/** `imagesAllowed` is asked each time the page itself is served: whether its policy may let images in from elsewhere. */
export function serveFolder(
  folder: string,
  { imagesAllowed }: { imagesAllowed: () => Promise<boolean> },
): StaticFiles {
  const files = new Map<string, { bytes: Uint8Array<ArrayBuffer>; type: string }>();
  const read = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = `${below}/${entry.name}`;
      if (entry.isDirectory()) read(path);
      else if (entry.isFile()) {
        const type = types[extname(entry.name)] ?? "application/octet-stream";
        files.set(path, { bytes: new Uint8Array(readFileSync(join(folder, path))), type });
      }
    }
  };
  read("");
  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return undefined;
    const { pathname } = new URL(request.url);
    // Links to people may be written as paths; what they name is read by the page itself.
    const isPage =
      pathname === "/" || pathname === "/index.html" || /^\/(?:join|invite)\/[^/]+$/.test(pathname);
    const file = files.get(isPage ? "/index.html" : pathname);
    if (file === undefined) return undefined;
    return new Response(request.method === "HEAD" ? null : file.bytes, {
      headers: {
        "content-type": file.type,
        // Built files have their hash in their name.
        "cache-control": pathname.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
        ...(isPage && { "content-security-policy": contentPolicy({ images: await imagesAllowed() }) }),
        ...(pathname === "/worker.js" && { "content-security-policy": workerPolicy }),
      },
    });
  };
}
