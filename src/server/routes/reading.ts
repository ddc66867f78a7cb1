/** Agreement and leaderboard: from the store's sums, never from single judgements. */
import { agreementMatrix } from "../../stats/index.js";
import * as store from "../../store/index.js";
import { activeWords } from "../active-words.js";
import { agreementOf } from "../agreement.js";
import type { Agreement } from "../api-schemas.js";
import type { Handler } from "../call.js";
import { groupAgreementOf } from "../group-agreement.js";
import { keptAnswer } from "../kept-answer.js";
import { leaderboardOf } from "../leaderboard.js";

export const handlers = {
  async agreement({ context, store: db, project }) {
    const patterns = await store.patterns(db, project.id);
    const people = await store.peopleSums(db, project.id);
    const given = { patterns, people, settings: project.settings };
    const compute = async (): Promise<Agreement> => {
      const numbers = agreementOf(given);
      const draws = await store.activeDraws(db, project.id);
      return draws === undefined ? numbers : { ...numbers, words: [...numbers.words, ...activeWords(draws)] };
    };
    return keptAnswer(context.agreements, { project: project.id, given, compute });
  },

  async agreementPairs({ store: db, project, query }) {
    const { leftOut, ...matrix } = agreementMatrix(await store.pairings(db, project.id), query);
    return { ...matrix, left_out: leftOut };
  },

  async agreementGroups({ context, store: db, project }) {
    const patterns = await store.groupPatterns(db, project.id);
    const people = patterns.length === 0 ? [] : await store.peopleSums(db, project.id);
    const given = { patterns, people: people.map(({ groups }) => ({ groups })) };
    const compute = () => groupAgreementOf(given);
    return keptAnswer(context.groupAgreements, { project: project.id, given, compute });
  },

  async leaderboard({ store: db, project }) {
    return leaderboardOf(await store.duels(db, project.id));
  },
} satisfies { [N in "agreement" | "agreementGroups" | "agreementPairs" | "leaderboard"]: Handler<N> };
