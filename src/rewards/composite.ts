/** What rewards made of rewards share: asking all of them, their parts for the log, their states and their end. */
import { AttuneError } from "../errors.js";
import type { CheckedScores } from "./check-scores.js";
import type { Reward, RewardItem, RewardState, ScoreContext } from "./contract.js";
import { scoreItems } from "./score-items.js";

/** Throws `config` for no members, or two of one name: their logs and states could not be told apart. */
export function uniqueNames(name: string, members: readonly Reward[]): void {
  const names = members.map((member) => member.name);
  const twice = names.find((other, i) => names.indexOf(other) !== i);
  if (members.length > 0 && twice === undefined) return;
  throw new AttuneError("config", {
    where: `rewards: ${name}`,
    expected: members.length === 0 ? "at least one reward" : "rewards of different names",
    got: members.length === 0 ? "none" : `two named ${twice}`,
  });
}

/** The scores of every member, asked for at the same time; the first failure stops the others. */
export async function gather(
  members: readonly Reward[],
  items: readonly RewardItem[],
  { signal, timeoutSeconds, retries }: ScoreContext,
): Promise<CheckedScores[]> {
  const stop = new AbortController();
  const options = { signal: AbortSignal.any([signal, stop.signal]), timeoutSeconds, retries };
  try {
    return await Promise.all(members.map((member) => scoreItems(member, items, options)));
  } catch (error) {
    stop.abort();
    throw error;
  }
}

const orNull = (values: Float64Array): (number | null)[] =>
  Array.from(values, (x) => (Number.isNaN(x) ? null : x));

/** Every member's scores under its name, its own parts under `name/part`. */
export function partsOf(
  members: readonly Reward[],
  each: readonly CheckedScores[],
): Record<string, (number | null)[]> {
  return Object.fromEntries(
    members.flatMap(({ name }, k) => [
      [name, orNull(each[k]!.scores)],
      ...Object.entries(each[k]!.components).map(([part, values]) => [`${name}/${part}`, orNull(values)]),
    ]),
  ) as Record<string, (number | null)[]>;
}

/** What a reward made of others is beside its score: `state`, `restore` and `close` of all, and each keeps its own time. */
export function statesOf(
  members: readonly Reward[],
): Required<Pick<Reward, "state" | "restore" | "close" | "keepsTime">> {
  return {
    keepsTime: true,
    state: () =>
      Object.fromEntries(members.flatMap((member) => (member.state ? [[member.name, member.state()]] : []))),
    restore(saved) {
      for (const member of members) {
        const own = saved[member.name];
        if (member.restore && own !== undefined) member.restore(own as RewardState);
      }
    },
    async close() {
      await Promise.all(members.map((member) => member.close?.()));
    },
  };
}
