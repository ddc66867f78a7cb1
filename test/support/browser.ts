/** The system's Chromium, driven by playwright-core; tests that need it are skipped with the reason where there is none. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

const candidates = [
  process.env["ATTUNE_CHROMIUM"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const executablePath = candidates.find((path) => path !== undefined && existsSync(path));
const built = existsSync(fileURLToPath(new URL("../../dist/web/index.html", import.meta.url)));

export const noBrowser: string | undefined =
  executablePath === undefined
    ? "no Chromium (ATTUNE_CHROMIUM names one)"
    : built
      ? undefined
      : "dist/web is not built (npm run build)";
if (noBrowser !== undefined) process.stderr.write(`skipped: ${noBrowser}\n`);

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong, one line each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found: { id: string; nodes: { target: string[] }[] }[] = await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => r.violations)",
  );
  return found.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}
