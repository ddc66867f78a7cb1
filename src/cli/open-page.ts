/**
 * Opens the page in the browser. What is on a program's command line can be read by everybody on the machine, so the browser is given a
 * file that only its owner can read, and the file holds a code that works once. Knows no server.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

const pageOf = (address: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Attune</title><meta http-equiv="refresh" content="0;url=${escaped(address)}">` +
  `<a href="${escaped(address)}">Open Attune</a>\n`;

/** Gives what takes the file away again. In `folder`, which a browser that is shut in may read more likely than one for temporary files. */
export function openPage(address: string, { folder }: { folder: string }): () => void {
  const file = resolve(join(folder, `open-${randomBytes(6).toString("hex")}.html`));
  writeFileSync(file, pageOf(address), { mode: 0o600, flag: "wx" });
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open"]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", ""]
        : ["xdg-open"];
  const child = spawn(command!, [...args, pathToFileURL(file).href], { stdio: "ignore", detached: true });
  // A browser that cannot be started is no error: the address is on the screen.
  child.on("error", () => undefined);
  child.unref();
  return () => rmSync(file, { force: true });
}
