/** What is scored where a project names nothing. */
import type { Project } from "../api.js";

export const attributesOf = ({
  attributes,
}: Project["settings"]): { name: string; min: number; max: number }[] =>
  attributes.length > 0 ? attributes : [{ name: "overall", min: 1, max: 5 }];
