/** Exports: the store's answers as TRL's data types, or everything there is. Rows go out one by one; files are the caller's affair. */
export { dataCard, type CardFile } from "./card.js";
export { dumpProject, type DumpRow } from "./dump.js";
export { openExport, requireProject, type Export } from "./export.js";
export type { ExportRow } from "./convert.js";
export { exportKinds, type ExportKind, type ExportOptions, type ExportReport } from "./options.js";
