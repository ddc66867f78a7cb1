/**
 * What one judgement changes in what is counted: the item's tally, the person's sums, who beat whom, who agrees with whom. Pure
 * but for the statements that it words; recount.ts counts the same from nothing. Knows no lease.
 */
import { sql, type SQL } from "drizzle-orm";
import type { Outcome } from "../records/index.js";
import { categoryOf } from "./category.js";
import { json } from "./rows.js";

export type Tally = Record<string, number>;

/** What is counted about a judgement. `replaces`: the category of the one that it revises. */
export interface Counted {
  project: string;
  item: string;
  annotator: string;
  purpose: "task" | "gold" | "practice" | "repeat";
  category: string;
  replaces: string | undefined;
  candidates: readonly { id: string; model: string | null }[];
  shown_order: readonly string[];
  gold: Outcome | null;
  late: boolean;
  active_ms: number | undefined;
}

export const answered = (category: string | undefined): boolean =>
  category !== undefined && category !== "skip";

export const total = (tally: Tally): number => Object.values(tally).reduce((sum, n) => sum + n, 0);

/** A tally after an answer came, or one took another's place. No category stands with 0. */
export function moved(tally: Tally, { category, replaces }: Pick<Counted, "category" | "replaces">): Tally {
  const next = { ...tally };
  if (answered(category)) next[category] = (next[category] ?? 0) + 1;
  if (answered(replaces)) next[replaces!] = (next[replaces!] ?? 1) - 1;
  return Object.fromEntries(Object.entries(next).filter(([, n]) => n > 0));
}

/** Share of pairs of judgements that differ, 0 to 1. */
export function disagreement(tally: Tally): number {
  const n = total(tally);
  if (n < 2) return 0;
  return 1 - Object.values(tally).reduce((sum, k) => sum + k * (k - 1), 0) / (n * (n - 1));
}

/** Category of the right answer of a gold or practice item. */
export const expectedOf = (o: Pick<Counted, "gold" | "candidates">): string | null =>
  o.gold === null
    ? null
    : categoryOf(
        { outcome: o.gold },
        o.candidates.map(({ id }) => id),
      );

/** Changes of the person's sums, by name. */
export function sumChanges(o: Counted): Record<string, number> {
  const changes: Record<string, number> = {};
  const add = (name: string, by = 1): void => void (changes[name] = (changes[name] ?? 0) + by);
  if (o.replaces === undefined) {
    add(o.purpose);
    if (o.late) add("late");
    if (o.active_ms !== undefined) {
      add("active_ms", o.active_ms);
      add("timed");
    }
  }
  if (o.purpose === "task") {
    addCategory(o, { category: o.category, add: (name) => add(name) });
    if (o.replaces !== undefined) addCategory(o, { category: o.replaces, add: (name) => add(name, -1) });
  }
  const expected = expectedOf(o);
  if (expected !== null && o.category === expected) add(`${o.purpose}_right`);
  if (expected !== null && o.replaces === expected) add(`${o.purpose}_right`, -1);
  return Object.fromEntries(Object.entries(changes).filter(([, n]) => n !== 0));
}

function addCategory(o: Counted, { category, add }: { category: string; add: (name: string) => void }): void {
  add("judgements");
  if (category === "skip") add("skip");
  if (category === "tie" || category === "both_bad") add("tie");
  const place = category === "first" ? 0 : category === "second" ? 1 : -1;
  const winner = o.candidates[place]?.id;
  // Imported judgements may not say how they were shown.
  if (winner !== undefined && o.shown_order.length > 0) add(o.shown_order[0] === winner ? "left" : "right");
}

/** Who beat whom, by models; undefined where that says nothing. */
function duelOf(o: Counted): SQL | undefined {
  const [a, b] = o.candidates.map(({ model }) => model);
  if (o.purpose !== "task" || o.candidates.length !== 2 || a == null || b == null || a === b)
    return undefined;
  const change = (...names: string[]): number =>
    Number(names.includes(o.category)) - Number(o.replaces !== undefined && names.includes(o.replaces));
  const [first, second, ties] = [change("first"), change("second"), change("tie", "both_bad")];
  if (first === 0 && second === 0 && ties === 0) return undefined;
  return sql`, duelled as (
    insert into duels (project, annotator, first, second, first_wins, second_wins, ties)
    values (${o.project}, ${o.annotator}, ${a}, ${b}, ${first}, ${second}, ${ties})
    on conflict (project, annotator, first, second) do update set first_wins = duels.first_wins + excluded.first_wins,
      second_wins = duels.second_wins + excluded.second_wins, ties = duels.ties + excluded.ties)`;
}

/** How many of some earlier judgements `c` are compared with the new one and no longer with the old, and how many are the same. */
const comparisons = (o: Counted): { compared: SQL; same: SQL } => {
  const [is, was] = [answered(o.category), answered(o.replaces)];
  return {
    compared: sql`${Number(is) - Number(was)}::int`,
    same: sql`${is ? sql`(c.category = ${o.category})::int` : sql`0`} - ${was ? sql`(c.category = ${o.replaces!})::int` : sql`0`}`,
  };
};

/** With each other person who judged the item. */
function pairingsOf(o: Counted): SQL | undefined {
  if (o.purpose !== "task") return undefined;
  const { compared, same } = comparisons(o);
  return sql`, paired as (
    insert into pairings (project, annotator, other, compared, agreed)
    select ${o.project}, ${o.annotator}, c.annotator, ${compared}, ${same} from currents c
    where c.project = ${o.project} and c.item = ${o.item} and not c.repeat and c.annotator <> ${o.annotator} and c.category <> 'skip'
    on conflict (project, annotator, other) do update set compared = pairings.compared + excluded.compared,
      agreed = pairings.agreed + excluded.agreed)`;
}

/** With this person's own other showing of the item. */
function repeatsOf(o: Counted): SQL | undefined {
  if (o.purpose !== "task" && o.purpose !== "repeat") return undefined;
  const { compared, same } = comparisons(o);
  return sql`
    union all select v.name, v.n from currents c, lateral (values ('repeat_compared', ${compared}), ('repeat_same', ${same})) v(name, n)
    where c.project = ${o.project} and c.item = ${o.item} and c.annotator = ${o.annotator} and c.repeat = ${o.purpose === "task"}
      and c.category <> 'skip' and v.n <> 0`;
}

/** Common table expressions, each after a comma, that bring sums, duels and pairings up to date. */
export const countingOf = (o: Counted): SQL => sql`, summed as (
    insert into sums (project, annotator, name, n)
    select ${o.project}, ${o.annotator}, name, n from (
      select key as name, value::double precision as n from jsonb_each_text(${json(sumChanges(o))}) ${repeatsOf(o) ?? sql``}) changes
    on conflict (project, annotator, name) do update set n = sums.n + excluded.n)
    ${duelOf(o) ?? sql``} ${pairingsOf(o) ?? sql``}`;

/** One item's move from one tally to another, in the rows of one writer: `insert …`. */
export const patternMove = (o: {
  project: string;
  annotator: string;
  from: { adjudicated: boolean; tally: Tally };
  to: { adjudicated: boolean; tally: Tally };
}): SQL => sql`insert into patterns (project, annotator, adjudicated, tally, n)
    values (${o.project}, ${o.annotator}, ${o.from.adjudicated}, ${json(o.from.tally)}, -1),
      (${o.project}, ${o.annotator}, ${o.to.adjudicated}, ${json(o.to.tally)}, 1)
    on conflict (project, annotator, adjudicated, tally) do update set n = patterns.n + excluded.n`;
