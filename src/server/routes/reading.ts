/** Agreement and leaderboard: from the store's sums, never from single judgements. */
import * as store from "../../store/index.js";
import { agreementOf } from "../agreement.js";
import type { Handler } from "../call.js";
import { leaderboardOf } from "../leaderboard.js";

export const handlers = {
  async agreement({ store: db, project }) {
    const [patterns, people] = await Promise.all([
      store.patterns(db, project.id),
      store.peopleSums(db, project.id),
    ]);
    return agreementOf({ patterns, people, settings: project.settings });
  },

  async leaderboard({ store: db, project }) {
    return leaderboardOf(await store.duels(db, project.id));
  },
} satisfies { [N in "agreement" | "leaderboard"]: Handler<N> };
