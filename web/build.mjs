/**
 * Builds the page into dist/web: hashed files, nothing inline, nothing from elsewhere. The service worker is given the names and
 * hashes of what the page opens with. Does nothing when the sources are older than the last build. Run by `npm run build`.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const outDir = join(root, "..", "dist", "web");
const built = join(outDir, "index.html");

const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );

const force = process.argv.includes("--force");
if (force || !existsSync(built) || statSync(built).mtimeMs < newest(root)) {
  const { build } = await import("vite");
  await build({
    configFile: false,
    root,
    base: "/",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      // Data URLs in styles would need a laxer policy; a module preload polyfill would be an inline script.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  writeWorker();
}

/** What `index.html` names is the shell; what is loaded later needs the server anyway. */
function writeWorker() {
  const hash = (text) => createHash("sha256").update(text).digest("hex");
  const page = readFileSync(built, "utf8");
  const named = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  const files = Object.fromEntries([
    ["/", hash(page)],
    ...named.map((path) => [path, hash(readFileSync(join(outDir, path)))]),
  ]);
  const shell = { version: hash(JSON.stringify(files)).slice(0, 16), files };
  const source = readFileSync(join(root, "worker.js"), "utf8");
  writeFileSync(join(outDir, "worker.js"), `const shell = ${JSON.stringify(shell)};\n${source}`);
}
