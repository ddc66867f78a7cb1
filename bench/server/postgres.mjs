/** The private PostgreSQL of the tests, for measurements: its TypeScript read as it is. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

export async function privatePostgres() {
  const source = readFileSync(join(root, "test", "store", "postgres.ts"), "utf8");
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  const file = join(root, ".bench", "postgres.mjs");
  mkdirSync(join(root, ".bench"), { recursive: true });
  writeFileSync(file, outputText);
  return import(file);
}
