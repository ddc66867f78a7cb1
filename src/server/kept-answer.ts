/** The last answer of each project and what it was computed from: intervals take a moment, and pages are loaded again. */
export type KeptAnswers<T> = Map<string, { given: string; answer: T }>;

/** The answer that is kept where it was computed from the same, else a new one. `given` is JSON-safe. */
export async function keptAnswer<T>(
  kept: KeptAnswers<T>,
  o: { project: string; given: unknown; compute: () => T | Promise<T> },
): Promise<T> {
  const given = JSON.stringify(o.given);
  const known = kept.get(o.project);
  if (known?.given === given) return known.answer;
  const answer = await o.compute();
  kept.set(o.project, { given, answer });
  return answer;
}
