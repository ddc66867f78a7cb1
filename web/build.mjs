/**
 * Builds the page into dist/web: hashed files, nothing inline, nothing from elsewhere. Does nothing when the sources are older than
 * the last build. Run by `npm run build`.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
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
    base: "./",
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
}
