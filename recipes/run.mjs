/** Runs one compiled recipe by name: `npm run recipe -- NAME [arguments]`; without a name, lists them. */
import { cpSync, existsSync, readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const sources = fileURLToPath(new URL(".", import.meta.url));
const compiled = fileURLToPath(new URL("../.build/", import.meta.url));
const names = readdirSync(sources).flatMap((name) =>
  name.endsWith(".mjs") ? [] : [name.replace(/\.ts$/, "")],
);
const [name, ...rest] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  console.error(`recipes: ${names.join(", ")}`);
  process.exit(name === undefined ? 0 : 2);
}
// Files that recipes read beside their code (templates) go along.
cpSync(sources, compiled, { recursive: true, filter: (path) => !/\.(ts|mjs)$/.test(path) });
const file = existsSync(`${compiled}${name}.js`) ? `${compiled}${name}.js` : `${compiled}${name}/main.js`;
process.argv.splice(2, process.argv.length - 2, ...rest);
await import(pathToFileURL(file).href);
