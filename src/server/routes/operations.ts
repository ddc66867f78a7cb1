/** For whoever runs the server: health, metrics, the interface's own description. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import type { Handler } from "../call.js";
import { openApi } from "../openapi.js";
import { comeBackAfter } from "../refusal.js";

/** Milliseconds: who asks for health wants to know soon. */
const patience = 3000;

export const handlers = {
  async health({ store }) {
    try {
      const answers = store.database.rows(sql`select 1`);
      const silence = sleep(patience, undefined, { ref: false }).then(() =>
        Promise.reject(new Error("silence")),
      );
      await Promise.race([answers, silence]);
      return { status: "ok" as const };
    } catch {
      const headers = { "retry-after": String(comeBackAfter) };
      return Response.json({ status: "database unreachable" }, { status: 503, headers });
    }
  },

  async metrics({ context }) {
    return new Response(context.metrics.text(), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  },

  async openapi() {
    return openApi();
  },
} satisfies { [N in "health" | "metrics" | "openapi"]: Handler<N> };
